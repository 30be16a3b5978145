import { errnoName, errnoText } from '../abi/index.ts';
import type { Call, DrivenTask } from './driver/index.ts';
import type { Argument, Executor } from './executor.ts';
import { SYS } from './numbers.ts';

/** A system call that was refused. */
export class SyscallError extends Error {
  override readonly name = 'SyscallError';
  readonly syscall: string;
  /** Positive. */
  readonly errno: number;

  /** @param why what is known beyond the errno. */
  constructor(syscall: string, errno: number, why = errnoText(errno)) {
    super(`${syscall}: ${errnoName(errno)}: ${why}`);
    this.syscall = syscall;
    this.errno = errno;
  }
}

/**
 * Makes a system call that has no reason to fail.
 * @throws SyscallError
 */
export function mustCall(
  executor: Executor,
  name: keyof typeof SYS,
  ...args: readonly Argument[]
): number {
  const result = executor.syscall(SYS[name], ...args);
  if (result < 0) throw new SyscallError(name, -result);
  return result;
}

/**
 * Makes system calls one after the other, none of which has a reason to fail.
 * @throws SyscallError
 */
export function mustCallAll(task: Pick<DrivenTask, 'syscalls'>, calls: readonly Call[]): void {
  const results = task.syscalls(calls);
  const last = results.at(-1) ?? 0;
  if (last < 0) throw new SyscallError(nameOf(calls[results.length - 1]), -last);
}

const nameOf = (call: Call | undefined): string =>
  Object.entries(SYS).find(([, number]) => number === call?.[0])?.[0] ?? `call ${call?.[0]}`;
