import type { CommandContext } from '@stricli/core';

/** What the command uses of its process; tests hand in one of their own. */
export interface CliProcess {
  readonly stdout: CliStream;
  readonly stderr: CliStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  cwd(): string;
}

export interface CliStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export interface Context extends CommandContext {
  readonly process: CommandContext['process'] & { exitCode?: number | string | null };
  readonly cwd: string;
  /** Whether standard output takes colours. */
  readonly color: boolean;
  readonly write: (text: string) => void;
  /** Writes to standard error, for what does not end the command. */
  readonly warn: (text: string) => void;
}

/** Flags of commands that look at a kernel. */
export interface KernelFlags {
  readonly kernel: string;
  readonly json: boolean;
}

/** The command was given something that it cannot work with. Ends it with exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** bigints as numbers where that is exact, else as strings; bytes in hexadecimal. */
const plain = (_key: string, value: unknown): unknown => {
  if (typeof value === 'bigint')
    return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;
};

export const toJson = (value: unknown): string => `${JSON.stringify(value, plain, 2)}\n`;

/** One JSON value in one line. */
export const jsonLine = (value: unknown): string => `${JSON.stringify(value, plain)}\n`;
