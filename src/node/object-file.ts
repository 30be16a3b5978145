import { readObject, type CollectionSpec } from '../object/index.ts';
import { readInput } from './read-file.ts';

/**
 * Reads a clang-built BPF object from a file.
 * @throws {InputError} when the file cannot be read.
 * @throws {FormatError} when it is not a BPF object, or a damaged one.
 */
export const readObjectFile = (path: string): CollectionSpec =>
  readObject(readInput(path), { file: path });
