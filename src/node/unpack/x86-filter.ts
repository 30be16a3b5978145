/** By which of the three bytes before were opcodes: whether a call may start here, and which byte tells. */
const MAY_START = [true, true, true, false, true, false, false, false] as const;
const TELLING_BYTE = [0, 1, 2, 2, 3, 3, 3, 3] as const;

/** Call targets are within 16 MB either way, so their highest byte is all zeros or all ones. */
const isNear = (byte: number): boolean => byte === 0 || byte === 0xff;

/** The relative target, which the filter had made absolute so that calls of one function look alike. */
function relativeTarget(stored: number, behind: number, previous: number): number {
  let source = stored;
  for (;;) {
    const target = (source - behind) | 0;
    if (previous === 0) return target;
    const shift = TELLING_BYTE[previous]! * 8;
    if (!isNear((target >>> (24 - shift)) & 0xff)) return target;
    source = target ^ (2 ** (32 - shift) - 1);
  }
}

/**
 * Undoes the x86 branch filter of xz in place: operands of `call` and `jmp` (opcodes E8 and E9) become relative again.
 * The rules about neighbouring opcodes are those of the encoder, which must be followed to the bit.
 */
export function undoX86Filter(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let last = -1;
  let previous = 0;
  for (let i = 0; i < bytes.length - 4; i++) {
    if ((bytes[i]! & 0xfe) !== 0xe8) continue;
    const gap = i - last;
    last = i;
    previous = gap > 3 ? 0 : (previous << (gap - 1)) & 7;
    if (previous !== 0) {
      const telling = bytes[i + 4 - TELLING_BYTE[previous]!]!;
      if (!MAY_START[previous] || isNear(telling)) {
        previous = (previous << 1) | 1;
        continue;
      }
    }
    if (!isNear(bytes[i + 4]!)) {
      previous = (previous << 1) | 1;
      continue;
    }
    const target = relativeTarget(view.getUint32(i + 1, true), i + 5, previous);
    // The highest byte is the sign of the 25 bits below.
    view.setInt32(i + 1, (target << 7) >> 7, true);
    i += 4;
  }
}
