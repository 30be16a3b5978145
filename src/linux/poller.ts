import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { errnoText } from '../abi/index.ts';
import type { Executor } from './executor.ts';
import { SYS } from './numbers.ts';
import { EPOLLIN, writeEvent } from './epoll.ts';
import type { PollerData } from './poller-worker.ts';

/** Waits for descriptors of this process without keeping its thread: one more thread sleeps in epoll_wait for all. */
export interface Poller {
  /** Resolves when `fd` can be read, or was forgotten, or after `timeout` milliseconds (infinite: never). */
  readable(fd: number, timeout: number): Promise<void>;
  /** Ends all waiting for `fd`, which may be closed then. The thread ends with the last one. */
  forget(fd: number): Promise<void>;
}

const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;
/** One report, then silence until it is armed again: no report comes for what nobody waits for. */
const EPOLLONESHOT = 1 << 30;
const CLOEXEC = 0o2000000;

interface Watched {
  armed: boolean;
  readonly waiting: Set<() => void>;
}

/** The thread starts with the first wait. It keeps the process alive only while somebody waits. */
export function createPoller(libc: Executor): Poller {
  const watched = new Map<number, Watched>();
  let thread: Thread | undefined;

  function report(fds: readonly number[]): void {
    for (const fd of fds) {
      const entry = watched.get(fd);
      if (entry === undefined) continue;
      entry.armed = false;
      for (const wake of entry.waiting) wake();
    }
  }

  function arm(running: Thread, fd: number): Watched {
    const known = watched.get(fd);
    if (known?.armed === true) return known;
    const operation = known === undefined ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    const entry = known ?? { armed: false, waiting: new Set() };
    running.control(operation, fd, EPOLLIN | EPOLLONESHOT);
    entry.armed = true;
    watched.set(fd, entry);
    return entry;
  }

  return {
    readable(fd, timeout) {
      thread ??= startThread(libc, report);
      const running = thread;
      const { waiting } = arm(running, fd);
      return new Promise((resolve) => {
        const wake = (): void => {
          clearTimeout(timer);
          waiting.delete(wake);
          running.release();
          resolve();
        };
        const timer = Number.isFinite(timeout) ? setTimeout(wake, timeout) : undefined;
        waiting.add(wake);
        running.hold();
      });
    },
    async forget(fd) {
      const entry = watched.get(fd);
      if (entry === undefined || thread === undefined) return;
      watched.delete(fd);
      thread.control(EPOLL_CTL_DEL, fd, 0);
      for (const wake of entry.waiting) wake();
      if (watched.size > 0) return;
      const ending = thread;
      thread = undefined;
      await ending.stop();
    },
  };
}

interface Thread {
  /** epoll_ctl(2), which may be called while another thread waits. */
  control(operation: number, fd: number, events: number): void;
  /** One more, or one less, for whom the process stays alive. */
  hold(): void;
  release(): void;
  stop(): Promise<void>;
}

function startThread(libc: Executor, report: (fds: readonly number[]) => void): Thread {
  const epollFd = must(libc.syscall(SYS.epoll_create1, CLOEXEC), 'epoll_create1');
  const stopFd = must(libc.syscall(SYS.eventfd2, 0, CLOEXEC), 'eventfd2');
  const control: Thread['control'] = (operation, fd, events) => {
    const bytes = writeEvent(events, fd);
    must(libc.syscall(SYS.epoll_ctl, epollFd, operation, fd, { bytes }), 'epoll_ctl');
  };
  control(EPOLL_CTL_ADD, stopFd, EPOLLIN);
  const source = import.meta.url.endsWith('.ts');
  const data: PollerData = { epollFd, stopFd };
  const worker = new Worker(new URL(`./poller-worker.${source ? 'ts' : 'js'}`, import.meta.url), {
    workerData: data,
    stdin: false,
    ...(source && { execArgv: ['--import', 'jiti/register'] }),
  });
  worker.on('message', report);
  worker.unref();
  const wakeUp = (): void => {
    libc.syscall(SYS.write, stopFd, { bytes: new Uint8Array(new BigUint64Array([1n]).buffer) }, 8);
  };
  // A thread inside a system call would keep the ending process waiting.
  process.once('exit', wakeUp);
  let holders = 0;
  return {
    control,
    hold() {
      if (holders++ === 0) worker.ref();
    },
    release() {
      if (--holders === 0) worker.unref();
    },
    async stop() {
      process.off('exit', wakeUp);
      wakeUp();
      worker.ref();
      await once(worker, 'exit');
      libc.syscall(SYS.close, epollFd);
      libc.syscall(SYS.close, stopFd);
    },
  };
}

function must(result: number, call: string): number {
  if (result < 0) throw new Error(`${call}: ${errnoText(result)}`);
  return result;
}
