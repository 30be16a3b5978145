import { errnoName, errnoText } from '../abi/index.ts';
import type { BpfCommand } from '../kernel/index.ts';

/** What a failed bpf(2) command told. */
export interface BpfErrorDetail {
  readonly command: BpfCommand | 'RINGBUF_MAP';
  /** Positive. */
  readonly errno: number;
  /** Why, as the kernel knows it; empty where it does not say. */
  readonly reason: string;
  /** The verifier's log. */
  readonly log?: string;
}

/**
 * bpf(2) refused a command. The message is one line; `log` has the verifier's whole log for those who ask.
 */
export class BpfError extends Error implements BpfErrorDetail {
  override readonly name: string = 'BpfError';
  readonly command: BpfErrorDetail['command'];
  readonly errno: number;
  readonly reason: string;
  readonly log?: string;

  constructor(detail: BpfErrorDetail, subject?: string) {
    const why = detail.reason === '' ? errnoText(detail.errno) : detail.reason;
    const prefix = subject === undefined ? '' : `${subject}: `;
    super(`${prefix}${detail.command}: ${errnoName(detail.errno)}: ${why}`);
    this.command = detail.command;
    this.errno = detail.errno;
    this.reason = detail.reason;
    if (detail.log !== undefined) this.log = detail.log;
  }
}

/** A descriptor or pin stands for an object of another kind. */
export class WrongKindError extends Error {
  override readonly name = 'WrongKindError';

  constructor(subject: string, expected: string, actual: string) {
    super(`${subject}: is a ${actual}, not a ${expected}`);
  }
}

/** What a {@link LoadError} is about. */
export interface LoadSubject {
  readonly file: string;
  readonly kind: 'object' | 'program' | 'map' | 'variable';
  /** Name of the program, map or variable; the file again when the object as a whole is meant. */
  readonly subject: string;
}

/** An object could not be loaded: which part of it, and why. What had been made until then is released. */
export class LoadError extends Error implements LoadSubject {
  override readonly name = 'LoadError';
  readonly file: string;
  readonly kind: LoadSubject['kind'];
  readonly subject: string;
  /** All that is known, many lines: the verifier's log, or each CO-RE relocation that failed. */
  readonly log?: string;

  constructor(at: LoadSubject, why: string, options: { cause?: unknown; log?: string } = {}) {
    const part = at.kind === 'object' ? '' : ` ${at.kind} '${at.subject}':`;
    super(
      `${at.file}:${part} ${why}`,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.file = at.file;
    this.kind = at.kind;
    this.subject = at.subject;
    if (options.log !== undefined) this.log = options.log;
  }
}

/** A JavaScript value that its BTF type cannot hold. `path` leads to it: `key.address[3]`. */
export class ValueError extends Error {
  override readonly name = 'ValueError';
  readonly path: string;
  readonly rule: string;

  constructor(path: string, rule: string) {
    super(`${path}: ${rule}`);
    this.path = path;
    this.rule = rule;
  }
}
