import { LzmaDecoder, type LzmaProperties } from './lzma.ts';
import { undoX86Filter } from './x86-filter.ts';

/** The .xz file format 1.1.0 with the filters that the kernel's build uses: LZMA2, and before it x86 or not. */
const STREAM_HEADER = 12;
/** Bytes of a block's checksum by its kind in the stream header. */
const CHECK_SIZES = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64] as const;
const FILTER_X86 = 4;
const FILTER_LZMA2 = 0x21;

interface Block {
  /** Where its data start. */
  readonly data: number;
  readonly x86: boolean;
}

/** Numbers of 7 bits a byte, the lowest first; ours all fit into 32 bits. */
function readNumber(bytes: Uint8Array, at: number): { value: number; next: number } {
  let value = 0;
  for (let i = 0; i < 9; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) break;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { value, next: at + i + 1 };
  }
  throw new RangeError('a number in the block header does not end');
}

/** Undefined at the index, which follows the last block and starts with a zero byte. */
function readBlockHeader(bytes: Uint8Array, start: number): Block | undefined {
  const size = bytes[start];
  if (size === undefined) throw new RangeError('the blocks have no end');
  if (size === 0) return undefined;
  const data = start + (size + 1) * 4;
  const flags = bytes[start + 1] ?? 0;
  let at = start + 2;
  if ((flags & 0x40) !== 0) at = readNumber(bytes, at).next;
  if ((flags & 0x80) !== 0) at = readNumber(bytes, at).next;
  const filters: number[] = [];
  for (let i = 0; i <= (flags & 3); i++) {
    const id = readNumber(bytes, at);
    const properties = readNumber(bytes, id.next);
    filters.push(id.value);
    if (id.value === FILTER_X86 && properties.value !== 0)
      throw new RangeError('an x86 filter with a start offset is not supported');
    at = properties.next + properties.value;
  }
  if (at > data) throw new RangeError('the block header runs past its end');
  const x86 = filters.length === 2 && filters[0] === FILTER_X86;
  if (filters.at(-1) !== FILTER_LZMA2 || (filters.length > 1 && !x86))
    throw new RangeError(`filters ${filters.join(', ')} are not supported`);
  return { data, x86 };
}

function readProperties(byte: number): LzmaProperties {
  const lc = byte % 9;
  const lp = Math.floor(byte / 9) % 5;
  const pb = Math.floor(byte / 45);
  if (pb > 4 || lc + lp > 4) throw new RangeError(`LZMA properties ${byte} are not allowed`);
  return { lc, lp, pb };
}

/** Walks the chunks of LZMA2 up to their end mark. @returns the offset behind it. */
function decodeChunks(source: Uint8Array, start: number, decoder: LzmaDecoder): number {
  let at = start;
  const u16 = (offset: number): number => {
    const low = source[offset + 1];
    if (low === undefined) throw new RangeError('a chunk header runs past the end');
    return (source[offset]! << 8) | low;
  };
  for (let ready = false; ;) {
    const control = source[at];
    if (control === undefined) throw new RangeError('the chunks have no end');
    if (control === 0) return at + 1;
    if (control === 1 || control >= 0xe0) decoder.resetDictionary();
    if (control < 0x80) {
      if (control > 2) throw new RangeError(`chunk control 0x${control.toString(16)} is unknown`);
      const size = u16(at + 1) + 1;
      decoder.copy(source.subarray(at + 3, at + 3 + size));
      at += 3 + size;
      continue;
    }
    const unpacked = (control & 0x1f) * 65536 + u16(at + 1) + 1;
    const packed = u16(at + 3) + 1;
    const reset = (control >> 5) & 3;
    const data = at + (reset >= 2 ? 6 : 5);
    if (reset >= 2) decoder.resetState(readProperties(source[at + 5] ?? 255));
    else if (reset === 1) decoder.resetState();
    ready ||= reset >= 2;
    if (!ready) throw new RangeError('the first chunk sets no properties');
    at = data + packed;
    if (at > source.length) throw new RangeError('a chunk runs past the end');
    decoder.decode(data, at, unpacked);
  }
}

/**
 * Unpacks one xz stream to exactly `size` bytes. Checksums are not compared: a damaged image shows in its chunks, or
 * in the ELF file that comes out.
 * @throws {RangeError} when the input is damaged, or uses other filters.
 */
export function decompressXz(source: Uint8Array, size: number): Uint8Array {
  const check = CHECK_SIZES[(source[7] ?? 0) & 15] ?? 0;
  const target = new Uint8Array(size);
  const decoder = new LzmaDecoder(source, target);
  let at = STREAM_HEADER;
  for (let block = readBlockHeader(source, at); block; block = readBlockHeader(source, at)) {
    const start = decoder.length;
    const end = decodeChunks(source, block.data, decoder);
    if (block.x86) undoX86Filter(target.subarray(start, decoder.length));
    at = Math.ceil(end / 4) * 4 + check;
  }
  if (decoder.length !== size)
    throw new RangeError(`unpacks to ${decoder.length} bytes, not ${size}`);
  return target;
}
