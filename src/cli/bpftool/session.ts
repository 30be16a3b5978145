import type { Kernel } from '../../kernel/index.ts';
import { jsonObject, jsonText, type Json } from './json.ts';

/** What a verb uses of the machine besides the kernel's own interface. */
export interface Machine {
  /** Text of /proc/self/fdinfo/FD; undefined where there is none. */
  fdinfo(fd: number): string | undefined;
  /** Text of /proc/mounts. */
  mounts(): string;
  /** The plain files below a directory, whole paths; empty when it cannot be read. */
  filesBelow(path: string): readonly string[];
  /** The folders below a directory and itself, parents first; undefined when it cannot be read. */
  foldersBelow(path: string): readonly string[] | undefined;
  /** When the machine was booted, in milliseconds since 1970. */
  readonly bootedAt: number;
}

export interface Output {
  readonly json: boolean;
  readonly pretty: boolean;
}

/** One run of a verb. */
export interface Session {
  readonly kernel: Kernel;
  readonly machine: Machine;
  readonly output: Output;
  /** Whether to look for the places where objects are pinned (`-f`). */
  readonly showPinned: boolean;
  readonly write: (text: string) => void;
}

/**
 * A verb failed. `status` is the exit code; bpftool's is 255, or for commands on elements what remains of a negative
 * errno in eight bits.
 */
export class BpftoolError extends Error {
  override readonly name = 'BpftoolError';
  readonly status: number;

  constructor(message: string, status = 255) {
    super(message);
    this.status = status;
  }
}

/** The exit code of bpftool's verbs that return a negative errno. */
export const errnoStatus = (errno: number): number => (256 - errno) & 255;

export const printJson = ({ output, write }: Session, value: Json): void =>
  write(jsonText(value, output.pretty));

/** In JSON, verbs that have nothing to tell print null. */
export function done(session: Session): void {
  if (session.output.json) printJson(session, null);
}

/** What is printed of a failure, and where. A failure without words is only an exit code. */
export function formatFailure({ message }: BpftoolError, { json, pretty }: Output): string {
  if (message === '') return '';
  return json
    ? jsonText(jsonObject([['error', message]]), pretty)
    : `Error: ${message}
`;
}
