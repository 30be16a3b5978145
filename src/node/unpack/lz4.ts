/** First word of the LZ4 legacy format, which `lz4 -l` writes and the kernel's build uses. Little-endian. */
export const LZ4_LEGACY_MAGIC = 0x184c2102;

const MIN_MATCH = 4;

/** One block of LZ4 sequences: token, literals, match offset, extra match length. Gives where the output ends. */
function decodeBlock(source: Uint8Array, target: Uint8Array, start: number): number {
  let from = 0;
  let to = start;
  const longLength = (short: number): number => {
    let length = short;
    for (let more = short === 15 ? 255 : 0; more === 255; length += more) {
      if (from >= source.length) throw new RangeError('a length runs past its block');
      more = source[from++]!;
    }
    return length;
  };
  while (from < source.length) {
    const token = source[from++]!;
    const literals = longLength(token >> 4);
    if (from + literals > source.length || to + literals > target.length)
      throw new RangeError('literals run past the end');
    target.set(source.subarray(from, from + literals), to);
    from += literals;
    to += literals;
    if (from === source.length) break; // the last sequence has literals only
    const distance = source[from]! | (source[from + 1]! << 8);
    from += 2;
    const length = longLength(token & 15) + MIN_MATCH;
    if (distance === 0 || distance > to - start || to + length > target.length)
      throw new RangeError('a match reaches out of its block');
    // A match may overlap what it writes; that repeats a pattern, so bytes must go one at a time.
    for (const end = to + length; to < end; to++) target[to] = target[to - distance]!;
  }
  return to;
}

/**
 * Unpacks the LZ4 legacy format: the magic, then blocks, each after its size in 32 bits.
 * @throws {RangeError} when the input is damaged or does not give exactly `size` bytes.
 */
export function decompressLz4(source: Uint8Array, size: number): Uint8Array {
  const words = new DataView(source.buffer, source.byteOffset, source.byteLength);
  const target = new Uint8Array(size);
  let from = 4;
  let to = 0;
  while (from + 4 <= source.length) {
    const length = words.getUint32(from, true);
    from += 4;
    if (length === LZ4_LEGACY_MAGIC) continue; // another stream may follow
    if (from + length > source.length) throw new RangeError('a block runs past the end');
    to = decodeBlock(source.subarray(from, from + length), target, to);
    from += length;
  }
  if (to !== size) throw new RangeError(`unpacks to ${to} bytes, not ${size}`);
  return target;
}
