import { ERRNO, SIG } from '../../abi/index.ts';
import type { Argument, Executor } from '../executor.ts';
import type { Libc } from '../libc.ts';
import { SYS } from '../numbers.ts';
import { statusOf } from '../proc-status.ts';
import { type Area, type Channel, MOST_CALLS } from './area.ts';
import { type Call, placeCalls } from './blocks.ts';

const POLLIN = 1;
const GONE = [-ERRNO.ESRCH];
/** A call that takes longer has hung. Software emulation of a busy machine is slow. */
const PATIENCE = 30_000;
/** How often, in milliseconds, the life of a task is looked at while it makes no answer. */
const BEAT = 5;
/** How long this process sleeps for an answer before it lets other work go on in between. */
const DOZE = 20;

/** A task of its own that makes the system calls it is told to. */
export interface DrivenTask extends Executor {
  /** In the pid namespace of this process. */
  readonly pid: number;
  readonly alive: boolean;
  /** As `syscall`, but leaves this process free while the call blocks. */
  call(number: number, ...args: readonly Argument[]): Promise<number>;
  /**
   * Makes one system call after the other, up to the first that fails: much faster than one by one. None may be
   * fork(2) or execve(2).
   * @returns what each gave that was made.
   */
  syscalls(calls: readonly Call[]): readonly number[];
  /** fork(2). @returns the child, or a negative errno. */
  fork(): DrivenTask | number;
  /** All living tasks that have one first task. */
  family(): Iterable<DrivenTask>;
  /** SIGKILL; returns when the task is gone. */
  kill(): void;
}

/** What all tasks of one area share. */
export interface Drivers {
  readonly libc: Libc;
  readonly area: Area;
  /** Every task that has not been seen dead. */
  readonly living: Set<DrivenTask>;
}

/** A task does not answer: it is stopped, or waits for something that does not come. */
export class TaskHangsError extends Error {
  override readonly name = 'TaskHangsError';
}

/**
 * Drives the task with this pid through `channel`, as soon as it gives its first sign there.
 * @throws Error when it dies before.
 */
export function driveTask(drivers: Drivers, pid: number, channel: Channel): DrivenTask {
  const task = new Driven(drivers, pid, channel);
  drivers.living.add(task);
  task.awaitStart();
  return task;
}

class Driven implements DrivenTask {
  readonly pid: number;
  readonly #drivers: Drivers;
  readonly #channel: Channel;
  readonly #pidfd: number;
  #dead = false;
  /** The system call that it has not answered yet. */
  #current: number | undefined;

  constructor(drivers: Drivers, pid: number, channel: Channel) {
    this.pid = pid;
    this.#drivers = drivers;
    this.#channel = channel;
    this.#pidfd = drivers.libc.syscall(SYS.pidfd_open, pid, 0);
    if (this.#pidfd < 0) throw new Error(`pidfd_open of ${pid} gave ${this.#pidfd}`);
  }

  get alive(): boolean {
    return !this.#hasDied();
  }

  syscall(...call: Call): number {
    return this.#make([call])[0] ?? 0;
  }

  syscalls(calls: readonly Call[]): readonly number[] {
    const results: number[] = [];
    while (results.length < calls.length && (results.at(-1) ?? 0) >= 0)
      results.push(...this.#make(calls.slice(results.length, results.length + MOST_CALLS)));
    return results;
  }

  async call(...call: Call): Promise<number> {
    while (this.#current !== undefined && !this.#hasDied()) await pause();
    if (this.#hasDied()) return -ERRNO.ESRCH;
    const end = this.#begin([call]);
    const start = performance.now();
    for (;;) {
      const waited = performance.now() - start;
      if (this.#channel.wait(waited < DOZE ? BEAT : 0)) return end()[0] ?? 0;
      // The answer may have come just before the end.
      if (this.#hasDied()) return this.#channel.wait(0) ? (end()[0] ?? 0) : -ERRNO.ESRCH;
      if (waited > PATIENCE) throw this.#hangs();
      if (waited >= DOZE) await pause();
    }
  }

  fork(): DrivenTask | number {
    const { area } = this.#drivers;
    const child = area.take();
    const [result = 0] = this.#make([[SYS.clone, SIG.CHLD]], child);
    if (result > 0) return driveTask(this.#drivers, result, child);
    area.give(child);
    return result;
  }

  family(): Iterable<DrivenTask> {
    return [...this.#drivers.living];
  }

  kill(): void {
    if (this.#hasDied()) return;
    this.#drivers.libc.syscall(SYS.pidfd_send_signal, this.#pidfd, SIG.KILL, 0, 0);
    if (!this.#hasDied(PATIENCE)) throw new TaskHangsError(`task ${this.pid} survives SIGKILL`);
  }

  awaitStart(): void {
    if (!this.#hasAnswer()) throw new Error(`task ${this.pid} ended before its first system call`);
  }

  /** Whether it dies within some time; what it had is given back then. */
  #hasDied(milliseconds = 0): boolean {
    if (this.#dead) return true;
    const { libc, area, living } = this.#drivers;
    // struct pollfd: the descriptor, then the events asked for.
    const bytes = new Uint8Array(new Int32Array([this.#pidfd, POLLIN]).buffer);
    if (libc.syscall(SYS.poll, { bytes }, 1, milliseconds) <= 0) return false;
    this.#dead = true;
    living.delete(this);
    libc.syscall(SYS.close, this.#pidfd);
    area.give(this.#channel);
    return true;
  }

  #make(calls: readonly Call[], child?: Channel): readonly number[] {
    if (this.#hasDied()) return GONE;
    const end = this.#begin(calls, child);
    return this.#hasAnswer() ? end() : GONE;
  }

  /**
   * @returns what gives the results once there is an answer.
   * @throws TaskHangsError while a call before is under way.
   */
  #begin(calls: readonly Call[], child?: Channel): () => readonly number[] {
    if (this.#current !== undefined) throw this.#hangs();
    const placed = placeCalls(this.#channel, calls);
    this.#current = calls[0]?.[0];
    this.#channel.request(placed.calls, child);
    return () => {
      this.#current = undefined;
      placed.copyBack();
      const results = calls.map((_call, i) => this.#channel.result(i));
      const failed = results.findIndex((result) => result < 0);
      return failed < 0 ? results : results.slice(0, failed + 1);
    };
  }

  /** Waits. @returns true when there is an answer, false when the task died. */
  #hasAnswer(): boolean {
    const until = performance.now() + PATIENCE;
    while (!this.#channel.wait(BEAT)) {
      // The answer may have come just before the end.
      if (this.#hasDied()) return this.#channel.wait(0);
      if (performance.now() > until) throw this.#hangs();
    }
    return true;
  }

  #hangs(): TaskHangsError {
    const what = this.#current === undefined ? 'its start' : `system call ${this.#current}`;
    const state = statusOf(this.pid)?.match(/^State:\t(.*)$/m)?.[1] ?? 'unknown';
    return new TaskHangsError(`task ${this.pid} (${state}) has not come back from ${what}`);
  }
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, BEAT));
