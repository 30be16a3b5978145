// The thread of a poller: it sleeps in epoll_wait and tells which descriptors can be read.

import { parentPort, workerData } from 'node:worker_threads';
import { EPOLL_EVENT_SIZE, readEvents } from './epoll.ts';
import { openLibc } from './libc.ts';
import { SYS } from './numbers.ts';

/** What this thread is started with. */
export interface PollerData {
  readonly epollFd: number;
  /** An eventfd: readable when the thread is to end. */
  readonly stopFd: number;
}

const EVENTS = 32;
/** A thread that is terminated from outside ends only between two calls. */
const SLICE_MILLISECONDS = 1000;

const { epollFd, stopFd } = workerData as PollerData;
const libc = await openLibc();
const bytes = new Uint8Array(EVENTS * EPOLL_EVENT_SIZE);
for (;;) {
  const count = libc.syscall(SYS.epoll_wait, epollFd, { bytes }, EVENTS, SLICE_MILLISECONDS);
  const fds = readEvents(bytes, Math.max(0, count));
  if (fds.includes(stopFd)) break;
  if (fds.length > 0) parentPort?.postMessage(fds, []);
}
