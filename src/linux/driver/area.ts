import { cstring } from '../executor.ts';
import type { Libc } from '../libc.ts';
import { SYS } from '../numbers.ts';

/** As in driver.c. */
const TASK_ADDRESS = 0x1000_0000_0000;
const CHANNELS = 120;
const CHANNEL_SIZE = 32 << 20;
const STATE = { ABSENT: 0, REQUEST: 1, READY: 2 } as const;
const OFFSET = { state: 0, child: 4, result: 8, number: 16, arguments: 24 } as const;
/** Where the memory for arguments begins in a channel. */
const DATA = 4096;

const MFD_CLOEXEC = 1;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const FUTEX_WAIT = 0;
const FUTEX_WAKE = 1;

/** The part of the shared memory that one task takes its requests from. */
export interface Channel {
  readonly index: number;
  /** Memory for arguments. */
  readonly data: Uint8Array;
  /** Where the task sees `data`. */
  readonly address: number;
  /** Asks for a system call; `child` is the channel of the task that it will make, for a fork. */
  request(number: number, args: readonly bigint[], child?: Channel): void;
  /** Waits for the answer, or for the first sign of a new task, at most so many milliseconds. @returns it is there. */
  wait(milliseconds: number): boolean;
  /** The last answer. */
  result(): number;
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
  const memory = libc.view(at, CHANNEL_SIZE);
  const state = new Int32Array(memory, OFFSET.state, 1);
  const view = new DataView(memory, 0, DATA);
  Atomics.store(state, 0, STATE.ABSENT);
  return {
    index,
    data: new Uint8Array(memory, DATA),
    address: TASK_ADDRESS + index * CHANNEL_SIZE + DATA,
    request: (number, args, child) => {
      view.setUint32(OFFSET.child, child?.index ?? 0, true);
      view.setBigUint64(OFFSET.number, BigInt(number), true);
      for (let i = 0; i < 6; i++)
        view.setBigUint64(OFFSET.arguments + i * 8, BigInt.asUintN(64, args[i] ?? 0n), true);
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
    result: () => Number(view.getBigInt64(OFFSET.result, true)),
  };
}
