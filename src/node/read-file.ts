import { readFileSync } from 'node:fs';
import { InputError } from './input-error.ts';

const errorCode = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : String(error);

/** Reads a whole file. @throws {InputError} when it is missing, a directory, or cannot be read. */
export function readInput(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    const code = errorCode(error);
    switch (code) {
      case 'ENOENT':
      case 'ENOTDIR':
        throw new InputError(path, 'missing', 'no such file');
      case 'EISDIR':
        throw new InputError(path, 'directory', 'is a directory, not a file');
      default:
        throw new InputError(path, 'unreadable', `cannot be read (${code})`);
    }
  }
}
