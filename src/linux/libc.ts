import type { Argument, Block, Executor } from './executor.ts';
import { createPoller, type Poller } from './poller.ts';

/** System calls of the process this runs in, and its memory. */
export interface Libc extends Executor {
  /** The memory at an address that mmap(2) gave. It must be unmapped only after the last use. */
  view(address: number, length: number): ArrayBuffer;
  /** Waits for descriptors of this process. */
  readonly poller: Poller;
}

/** What is asked of the real kernel cannot be had here: wrong system, no koffi, no /sys, no BTF, no privilege. */
export class LinuxUnavailableError extends Error {
  override readonly name = 'LinuxUnavailableError';
}

/** @throws LinuxUnavailableError */
export async function openLibc(): Promise<Libc> {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new LinuxUnavailableError(
      `the real kernel needs Linux on x86-64; this is ${process.platform} ${process.arch}`,
    );
  const { default: koffi } = await import('koffi').catch((cause: unknown) => {
    const message = 'the real kernel needs the optional package koffi: npm install koffi';
    throw new LinuxUnavailableError(message, { cause });
  });
  const words = Array.from({ length: 7 }, () => 'int64');
  const call = koffi.load(null).func('syscall', 'int64', words);
  const addressOf = (bytes: Uint8Array): bigint => (bytes.length === 0 ? 0n : koffi.address(bytes));
  const syscall: Executor['syscall'] = (number, ...args) => {
    const [a, b, c, d, e, f] = args.map((arg) => word(arg, addressOf));
    const result = Number(call(number, a ?? 0, b ?? 0, c ?? 0, d ?? 0, e ?? 0, f ?? 0));
    return result === -1 ? -koffi.errno() : result;
  };
  return {
    syscall,
    poller: createPoller({ syscall }),
    view: (at, length) => koffi.view(BigInt(at), length),
  };
}

/** `args` keeps the bytes of every block reachable until the call has returned: the kernel writes through addresses. */
function word(arg: Argument, addressOf: (bytes: Uint8Array) => bigint): number | bigint {
  if (arg === null) return 0;
  return typeof arg === 'object' ? place(arg, addressOf) : arg;
}

/** Writes the addresses that a block holds. @returns its own. */
function place({ bytes, pointers }: Block, addressOf: (bytes: Uint8Array) => bigint): bigint {
  if (pointers !== undefined) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (const { offset, to } of pointers) view.setBigUint64(offset, place(to, addressOf), true);
  }
  return addressOf(bytes);
}
