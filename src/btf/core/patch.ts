import { accessSize, CLASS, INSN_SIZE, JMP, LD_IMM64, SIZE, SOURCE } from '../../isa/index.ts';
import type { CoreResolution } from './resolve.ts';
import type { CoreStatus } from './types.ts';

/**
 * Helper number of the call that replaces an instruction without a value, 0xbad2310 as in libbpf: the verifier
 * refuses it where it can be reached, and only there.
 */
export const POISON_HELPER = 0xbad2310;

const S16_MAX = 0x7fff;
const SIZE_BITS: Readonly<Record<number, number>> = { 1: SIZE.B, 2: SIZE.H, 4: SIZE.W, 8: SIZE.DW };
const SIZE_MASK = 0x18;

/** How one instruction fared. */
export interface PatchResult {
  readonly status: CoreStatus;
  readonly reason: string | undefined;
}

const error = (reason: string): PatchResult => ({ status: 'error', reason });

const poisonSlot = (code: DataView, at: number): void => {
  code.setUint8(at, CLASS.JMP | JMP.CALL);
  code.setUint8(at + 1, 0);
  code.setInt16(at + 2, 0, true);
  code.setInt32(at + 4, POISON_HELPER, true);
};

/** Both halves of a wide load, or the verifier would stumble over the second before it names the first. */
const poison = (code: DataView, at: number, reason: string | undefined): PatchResult => {
  const wide = code.getUint8(at) === LD_IMM64 && at + 2 * INSN_SIZE <= code.byteLength;
  poisonSlot(code, at);
  if (wide) poisonSlot(code, at + INSN_SIZE);
  return { status: 'poisoned', reason };
};

const unexpected = (insn: string, got: bigint, resolution: CoreResolution): PatchResult =>
  error(
    `the ${insn} holds ${got}, but the object's own types say ${resolution.oldValue}` +
      ` (new value ${resolution.newValue})`,
  );

const holds = (value: number, resolution: CoreResolution): boolean =>
  !resolution.validate || BigInt.asUintN(64, BigInt(value)) === resolution.oldValue;

const patchAlu = (
  code: DataView,
  at: number,
  resolution: CoreResolution,
  value: bigint,
): PatchResult => {
  if ((code.getUint8(at) & SOURCE.X) !== 0) return error('the instruction has no immediate value');
  const imm = code.getInt32(at + 4, true);
  if (!holds(imm, resolution)) return unexpected('immediate', BigInt(imm), resolution);
  code.setInt32(at + 4, Number(BigInt.asIntN(32, value)), true);
  return { status: 'resolved', reason: undefined };
};

/** A load or store keeps its access as wide as the field: zero-extension makes that right for unsigned values. */
const patchMemory = (
  code: DataView,
  at: number,
  resolution: CoreResolution,
  value: bigint,
): PatchResult => {
  const { resize } = resolution;
  const opcode = code.getUint8(at);
  const off = code.getInt16(at + 2, true);
  if (!holds(off, resolution)) return unexpected('offset', BigInt(off), resolution);
  if (value > S16_MAX) return error(`offset ${value} does not fit in 16 bits`);
  if (resize?.safe === false)
    return poison(
      code,
      at,
      `the field has ${resize.from} bytes here and ${resize.to} there; ` +
        'only pointers and unsigned integers may differ in size',
    );
  if (resize !== undefined) {
    const width = accessSize(opcode);
    if (width !== resize.from)
      return error(`a field of ${resize.from} bytes is accessed with ${width}`);
    const bits = SIZE_BITS[resize.to];
    if (bits === undefined) return error(`no load or store is ${resize.to} bytes wide`);
    code.setUint8(at, (opcode & ~SIZE_MASK) | bits);
  }
  code.setInt16(at + 2, Number(value), true);
  return { status: 'resolved', reason: undefined };
};

const patchWide = (
  code: DataView,
  at: number,
  resolution: CoreResolution,
  value: bigint,
): PatchResult => {
  const second = at + INSN_SIZE;
  const plain =
    code.getUint8(at) === LD_IMM64 &&
    second + INSN_SIZE <= code.byteLength &&
    code.getUint8(at + 1) >> 4 === 0 &&
    code.getInt16(at + 2, true) === 0 &&
    code.getInt32(second, true) === 0;
  if (!plain) return error('the instruction is not a plain 64-bit immediate load');
  const low = BigInt(code.getUint32(at + 4, true));
  const imm = (BigInt(code.getUint32(second + 4, true)) << 32n) | low;
  if (resolution.validate && imm !== resolution.oldValue)
    return unexpected('64-bit immediate', imm, resolution);
  code.setUint32(at + 4, Number(BigInt.asUintN(32, value)), true);
  code.setUint32(second + 4, Number(value >> 32n), true);
  return { status: 'resolved', reason: undefined };
};

const patchByClass = (
  code: DataView,
  at: number,
  resolution: CoreResolution,
  value: bigint,
): PatchResult => {
  const opcode = code.getUint8(at);
  switch (opcode & 7) {
    case CLASS.ALU:
    case CLASS.ALU64:
      return patchAlu(code, at, resolution, value);
    case CLASS.LDX:
    case CLASS.ST:
    case CLASS.STX:
      return patchMemory(code, at, resolution, value);
    case CLASS.LD:
      return patchWide(code, at, resolution, value);
    default:
      return error(`opcode 0x${opcode.toString(16)} cannot be relocated`);
  }
};

/** Writes what a relocation came to into its instruction (`bpf_core_patch_insn` of libbpf). */
export const patchInsn = (
  code: DataView,
  insn: number,
  resolution: CoreResolution,
): PatchResult => {
  const at = insn * INSN_SIZE;
  if (resolution.error !== undefined) return error(resolution.error);
  if (!(Number.isInteger(insn) && at >= 0 && at + INSN_SIZE <= code.byteLength))
    return error(`instruction ${insn} is outside the program`);
  if (resolution.newValue === undefined) return poison(code, at, resolution.reason);
  const result = patchByClass(code, at, resolution, resolution.newValue);
  if (result.status !== 'resolved' || resolution.target !== undefined) return result;
  return { status: 'guarded', reason: resolution.reason };
};
