/** A file that could not be taken at all; what is wrong inside a file of the right kind is a `FormatError`. */
export class InputError extends Error {
  override readonly name = 'InputError';
  readonly path: string;
  readonly reason: 'missing' | 'unreadable' | 'directory' | 'unrecognised';

  constructor(path: string, reason: InputError['reason'], detail: string) {
    super(`${path}: ${detail}`);
    this.path = path;
    this.reason = reason;
  }
}
