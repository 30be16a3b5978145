import { ERRNO, SIG } from '../../abi/index.ts';
import type { Argument, Executor } from '../executor.ts';
import type { Libc } from '../libc.ts';
import { SYS } from '../numbers.ts';
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
   * Makes one system call after the other, up to the first that fails, which is much faster than one by one. None may be
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
  const { libc, area, living } = drivers;
  const pidfd = libc.syscall(SYS.pidfd_open, pid, 0);
  if (pidfd < 0) throw new Error(`pidfd_open of ${pid} failed with errno ${-pidfd}`);
  let dead = false;
  const isDead = (milliseconds = 0): boolean => {
    if (dead) return true;
    // struct pollfd: the descriptor, then the events asked for.
    const poll = new Uint8Array(new Int32Array([pidfd, POLLIN]).buffer);
    if (libc.syscall(SYS.poll, { bytes: poll }, 1, milliseconds) <= 0) return false;
    dead = true;
    living.delete(task);
    libc.syscall(SYS.close, pidfd);
    area.give(channel);
    return true;
  };
  /** @returns true when there is an answer, false when the task died. */
  const awaitAnswer = (until: number, number?: number): boolean => {
    while (!channel.wait(BEAT)) {
      // The answer may have come just before the end.
      if (isDead()) return channel.wait(0);
      if (performance.now() > until) throw hangs(pid, number);
    }
    return true;
  };
  /** @returns what gives the results once there is an answer. */
  const begin = (calls: readonly Call[], child?: Channel): (() => readonly number[]) => {
    const placed = placeCalls(channel, calls);
    channel.request(placed.calls, child);
    return () => {
      placed.copyBack();
      const results = calls.map((_call, i) => channel.result(i));
      const failed = results.findIndex((result) => result < 0);
      return failed < 0 ? results : results.slice(0, failed + 1);
    };
  };
  const make = (calls: readonly Call[], child?: Channel): readonly number[] => {
    if (isDead()) return GONE;
    const end = begin(calls, child);
    return awaitAnswer(performance.now() + PATIENCE, calls[0]?.[0]) ? end() : GONE;
  };
  const task: DrivenTask = {
    pid,
    get alive() {
      return !isDead();
    },
    syscall: (...call) => make([call])[0] ?? 0,
    syscalls: (calls) => {
      const results: number[] = [];
      while (results.length < calls.length && (results.at(-1) ?? 0) >= 0)
        results.push(...make(calls.slice(results.length, results.length + MOST_CALLS)));
      return results;
    },
    call: async (...call) => {
      if (isDead()) return -ERRNO.ESRCH;
      const end = begin([call]);
      const start = performance.now();
      while (!channel.wait(performance.now() - start < DOZE ? BEAT : 0)) {
        if (isDead()) return channel.wait(0) ? (end()[0] ?? 0) : -ERRNO.ESRCH;
        const waited = performance.now() - start;
        if (waited > PATIENCE) throw hangs(pid, call[0]);
        if (waited >= DOZE) await new Promise((resolve) => setTimeout(resolve, BEAT));
      }
      return end()[0] ?? 0;
    },
    fork: () => {
      const child = area.take();
      const [result = 0] = make([[SYS.clone, SIG.CHLD]], child);
      if (result > 0) return driveTask(drivers, result, child);
      area.give(child);
      return result;
    },
    family: () => [...living],
    kill: () => {
      if (isDead()) return;
      libc.syscall(SYS.pidfd_send_signal, pidfd, SIG.KILL, 0, 0);
      if (!isDead(PATIENCE)) throw hangs(pid, SYS.pidfd_send_signal);
    },
  };
  living.add(task);
  if (!awaitAnswer(performance.now() + PATIENCE))
    throw new Error(`task ${pid} ended before its first system call`);
  return task;
}

function hangs(pid: number, number?: number): TaskHangsError {
  const what = number === undefined ? 'its start' : `system call ${number}`;
  const seconds = PATIENCE / 1000;
  return new TaskHangsError(`task ${pid} has not answered for ${seconds} s, since ${what}`);
}
