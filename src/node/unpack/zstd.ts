import { decompress } from 'fzstd';

const MAX_BLOCK = 0x20000;
const RLE_BLOCK = 1;
/** Blocks of a sound stream average far more; damaged ones must not keep us busy unpacking into nothing. */
const MIN_MEAN_BLOCK = 4096;

/** Bytes before the first block of a zstd frame (RFC 8878, 3.1.1.1), the magic included. */
function headerLength(frame: Uint8Array): number {
  const descriptor = frame[4]!;
  const singleSegment = (descriptor >> 5) & 1;
  const dictionaryId = [0, 1, 2, 4][descriptor & 3]!;
  const contentSize = [singleSegment, 2, 4, 8][descriptor >> 6]!;
  return 5 + (1 - singleSegment) + dictionaryId + contentSize;
}

/** Walks the block headers, which costs nothing, and gives how many blocks there are. */
function countBlocks(frame: Uint8Array): number {
  let at = headerLength(frame);
  for (let count = 1; ; count++) {
    if (at + 3 > frame.length) throw new RangeError('a block header runs past the end');
    const header = frame[at]! | (frame[at + 1]! << 8) | (frame[at + 2]! << 16);
    const size = header >> 3;
    if (size > MAX_BLOCK) throw new RangeError(`a block of ${size} bytes is too large`);
    at += 3 + (((header >> 1) & 3) === RLE_BLOCK ? 1 : size);
    if (at > frame.length) throw new RangeError('a block runs past the end');
    if ((header & 1) === 1) return count;
  }
}

/**
 * Unpacks one zstd frame that holds `size` bytes.
 * @throws {Error} when the input is damaged.
 */
export function decompressZstd(source: Uint8Array, size: number): Uint8Array {
  const blocks = countBlocks(source);
  if (blocks > size / MIN_MEAN_BLOCK + 64)
    throw new RangeError(`${blocks} blocks are too many for ${size} bytes`);
  return decompress(source, new Uint8Array(size));
}
