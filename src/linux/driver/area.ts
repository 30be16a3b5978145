import { cstring } from '../executor.ts';
import type { Libc } from '../libc.ts';
import { SYS } from '../numbers.ts';

/** As in driver.c. */
const TASK_ADDRESS = 0x1000_0000_0000;
const CHANNELS = 120;
const CHANNEL_SIZE = 32 << 20;
const STATE = { ABSENT: 0, REQUEST: 1, READY: 2 } as const;
const OFFSET = { state: 0, count: 4, child: 8, calls: 64 } as const;
const CALL = { size: 64, result: 0, number: 8, arguments: 16 } as const;
/** Where the memory for arguments begins in a channel. */
const DATA = 4096;
const MOST_DATA = CHANNEL_SIZE - DATA;
const LEAST_VIEW = 1 << 16;
/** Most system calls in one request. */
export const MOST_CALLS = (DATA - OFFSET.calls) / CALL.size;

const MFD_CLOEXEC = 1;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const FUTEX_WAIT = 0;
const FUTEX_WAKE = 1;

/** The part of the shared memory that one task takes its requests from. */
export interface Channel {
  readonly index: number;
  /** Where the task sees its memory for arguments. */
  readonly address: number;
  /**
   * That memory, at least so many bytes of it.
   * @throws RangeError when there are not as many.
   */
  data(length: number): Uint8Array;
  /**
   * Asks for system calls, up to the first that fails; `child` is the channel of the task to be, for a fork.
   * @param calls each its number and arguments.
   */
  request(calls: readonly (readonly bigint[])[], child?: Channel): void;
  /** Waits for the answer, or for the first sign of a new task, at most so many milliseconds. @returns it is there. */
  wait(milliseconds: number): boolean;
  /** What the system call gave that stands at this place in the last request. */
  result(place: number): number;
}

/** Memory shared with all tasks of a machine: a channel for each. */
export interface Area {
  /** The memfd. */
  readonly fd: number;
  readonly first: Channel;
  /** @throws Error when all channels are in use. */
  take(): Channel;
  give(channel: Channel): void;
  close(): void;
}

export function openArea(libc: Libc): Area {
  const fd = must(libc.syscall(SYS.memfd_create, cstring('krsi'), MFD_CLOEXEC), 'memfd_create');
  const size = CHANNELS * CHANNEL_SIZE;
  must(libc.syscall(SYS.ftruncate, fd, size), 'ftruncate');
  const at = must(libc.syscall(SYS.mmap, 0, size, PROT_READ_WRITE, MAP_SHARED, fd, 0), 'mmap');
  const used = new Set<number>();
  const take = (): Channel => {
    let index = 0;
    while (used.has(index)) index++;
    if (index === CHANNELS) throw new Error(`at most ${CHANNELS} tasks are driven at once`);
    used.add(index);
    return openChannel(libc, at, index);
  };
  return {
    fd,
    first: take(),
    take,
    give: (channel) => used.delete(channel.index),
    close: () => {
      libc.syscall(SYS.munmap, at, size);
      libc.syscall(SYS.close, fd);
    },
  };
}

function must(result: number, what: string): number {
  if (result < 0) throw new Error(`${what} failed with errno ${-result}`);
  return result;
}

function openChannel(libc: Libc, area: number, index: number): Channel {
  const at = area + index * CHANNEL_SIZE;
  const head = libc.view(at, DATA);
  const state = new Int32Array(head, OFFSET.state, 1);
  const view = new DataView(head);
  let data = new Uint8Array();
  Atomics.store(state, 0, STATE.ABSENT);
  return {
    index,
    address: TASK_ADDRESS + index * CHANNEL_SIZE + DATA,
    data: (length) => {
      if (length > MOST_DATA)
        throw new RangeError(`the arguments of a system call take ${length} bytes of ${MOST_DATA}`);
      // To the garbage collector, memory in view is memory in use: it would soon collect all the time.
      if (length > data.length) data = new Uint8Array(libc.view(at + DATA, viewLength(length)));
      return data;
    },
    request: (calls, child) => {
      view.setUint32(OFFSET.count, calls.length, true);
      view.setUint32(OFFSET.child, child?.index ?? 0, true);
      for (const [i, call] of calls.entries()) {
        const [number = 0n, ...args] = call;
        const place = OFFSET.calls + i * CALL.size;
        view.setBigUint64(place + CALL.number, number, true);
        for (let j = 0; j < 6; j++)
          view.setBigUint64(
            place + CALL.arguments + j * 8,
            BigInt.asUintN(64, args[j] ?? 0n),
            true,
          );
      }
      Atomics.store(state, 0, STATE.REQUEST);
      libc.syscall(SYS.futex, at, FUTEX_WAKE, 1);
    },
    wait: (milliseconds) => {
      const seen = Atomics.load(state, 0);
      if (seen === STATE.READY) return true;
      const nanoseconds = BigInt(Math.round(milliseconds * 1e6));
      const time = new BigInt64Array([nanoseconds / 1_000_000_000n, nanoseconds % 1_000_000_000n]);
      libc.syscall(SYS.futex, at, FUTEX_WAIT, seen, { bytes: new Uint8Array(time.buffer) });
      return Atomics.load(state, 0) === STATE.READY;
    },
    result: (place) =>
      Number(view.getBigInt64(OFFSET.calls + place * CALL.size + CALL.result, true)),
  };
}

/** Doubles, so that views are made seldom. */
function viewLength(length: number): number {
  let view = LEAST_VIEW;
  while (view < length) view *= 2;
  return Math.min(view, MOST_DATA);
}
