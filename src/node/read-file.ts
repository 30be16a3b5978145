import { readFileSync, statSync, type Stats } from 'node:fs';
import { InputError } from './input-error.ts';

/** In bytes. A vmlinux with all its debug information is smaller. */
const MAX_SIZE = 768 * 1024 * 1024;

const errorCode = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : String(error);

function readable<T>(path: string, read: (path: string) => T): T {
  try {
    return read(path);
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw new InputError(path, 'missing', 'no such file');
    throw new InputError(path, 'unreadable', `cannot be read (${code})`);
  }
}

/** Reading from a pipe or a device may take forever. */
function checkKind(path: string, stats: Stats): void {
  if (stats.isDirectory()) throw new InputError(path, 'directory', 'is a directory, not a file');
  if (!stats.isFile())
    throw new InputError(path, 'unreadable', 'is a pipe, socket or device, not a regular file');
  if (stats.size > MAX_SIZE)
    throw new InputError(
      path,
      'unreadable',
      `has ${stats.size} bytes; at most ${MAX_SIZE} are read`,
    );
}

/** Reads a whole file. @throws {InputError} when it is missing, no regular file, too large, or cannot be read. */
export function readInput(path: string): Uint8Array {
  checkKind(
    path,
    readable(path, (name) => statSync(name)),
  );
  return readable(path, (name) => readFileSync(name));
}
