import { afterAll, describe, expect } from 'vitest';
import { BPF_MAP_TYPE, BPF_PROG_TYPE, PROG_LOAD_FLAGS } from '../abi/index.ts';
import { assemble } from '../isa/index.ts';
import type { RingBuffer } from '../kernel/kernel.ts';
import type { Libc } from './libc.ts';
import { SYS } from './numbers.ts';
import { openRingbuf } from './ringbuf.ts';
import { must, onLinux, type Scope } from './testdata/host.ts';

const SIZE = 4096;
const readers: RingBuffer[] = [];
afterAll(async () => {
  for (const reader of readers) await reader.close();
});

/** A ring buffer, a reader of it, and a program that puts the first word of its context into it. */
function setUp(libc: Libc, scope: Scope, bytes = 8) {
  const mapFd = scope.map({
    mapType: BPF_MAP_TYPE.RINGBUF,
    keySize: 0,
    valueSize: 0,
    maxEntries: SIZE,
  });
  const syscall = { progType: BPF_PROG_TYPE.SYSCALL, progFlags: PROG_LOAD_FLAGS.SLEEPABLE };
  const program = (end: string): number =>
    scope.program(
      assemble(`r6 = *(u64 *)(r1 + 0)
       r1 = map[fd:${mapFd}]
       r2 = ${bytes}
       r3 = 0
       call bpf_ringbuf_reserve#131
       if r0 == 0 goto pc+5
       *(u64 *)(r0 + 0) = r6
       r1 = r0
       r2 = 0
       call ${end}
       r0 = 0
       exit`),
      syscall,
    );
  const submit = program('bpf_ringbuf_submit#132');
  const discard = program('bpf_ringbuf_discard#133');
  const run = (progFd: number, word: number): void => {
    const ctxIn = new Uint8Array(new BigUint64Array([BigInt(word)]).buffer);
    must(libc, 'PROG_TEST_RUN', { progFd, ctxIn });
  };
  const opened = openRingbuf(libc, mapFd);
  if (!opened.ok) throw new Error(opened.reason);
  readers.push(opened.value);
  const put = (...words: number[]): void => words.forEach((word) => run(submit, word));
  return { mapFd, reader: opened.value, put, drop: (word: number) => run(discard, word) };
}

const words = (records: readonly Uint8Array[]): number[] =>
  records.map((record) => new Uint32Array(record.buffer)[0] ?? 0);

describe('a ring buffer of the real kernel', () => {
  onLinux('gives records in order, once', async (libc, scope) => {
    const { reader, put } = setUp(libc, scope);
    put(1, 2, 3);
    expect(words(await reader.consume())).toEqual([1, 2, 3]);
    expect(await reader.consume()).toEqual([]);
  });

  onLinux('passes over discarded records, and counts them', async (libc, scope) => {
    const { reader, put, drop } = setUp(libc, scope);
    drop(1);
    put(2);
    drop(3);
    expect(words(await reader.consume())).toEqual([2]);
    expect(reader.stats()).toEqual({
      size: SIZE,
      producerPosition: 48,
      consumerPosition: 48,
      consumed: 1,
      discarded: 2,
    });
  });

  onLinux('gives space back: many times its size goes through', async (libc, scope) => {
    // 1000 bytes and their header do not divide the size: records cross the end.
    const { reader, put } = setUp(libc, scope, 1000);
    const seen: number[] = [];
    for (let i = 0; i < 30; i += 3) {
      put(i, i + 1, i + 2);
      seen.push(...words(await reader.consume()));
    }
    expect(seen).toEqual(Array.from({ length: 30 }, (_, i) => i));
  });

  onLinux('shows records in place', async (libc, scope) => {
    const { reader, put } = setUp(libc, scope);
    put(7, 8);
    const seen: number[] = [];
    const count = await reader.drain((area, offset, length) => {
      expect(length).toBe(8);
      seen.push(area[offset] ?? 0);
    });
    expect([count, seen]).toEqual([2, [7, 8]]);
  });

  onLinux('keeps what was read when a visitor throws', async (libc, scope) => {
    const { reader, put } = setUp(libc, scope);
    put(1, 2);
    const broken = async (): Promise<number> =>
      reader.drain(() => {
        throw new Error('stop');
      });
    await expect(broken()).rejects.toThrow('stop');
    expect(words(await reader.consume())).toEqual([2]);
  });

  onLinux('wakes who waits for a record', async (libc, scope) => {
    const { reader, put } = setUp(libc, scope);
    const waiting = reader.wait();
    put(5);
    expect(await waiting).toBe(true);
    expect(words(await reader.consume())).toEqual([5]);
  });

  onLinux('wakes for each of several buffers', async (libc, scope) => {
    const all = [setUp(libc, scope), setUp(libc, scope), setUp(libc, scope)];
    const waiting = all.map(({ reader }) => reader.wait());
    all.forEach(({ put }, i) => put(i));
    expect(await Promise.all(waiting)).toEqual([true, true, true]);
    for (const [i, { reader }] of all.entries()) expect(words(await reader.consume())).toEqual([i]);
  });

  onLinux('stops waiting after a time, and can wait again', async (libc, scope) => {
    const { reader, put } = setUp(libc, scope);
    expect(await reader.wait(5)).toBe(false);
    expect(await reader.wait(0)).toBe(false);
    const waiting = reader.wait(60_000);
    put(1);
    expect(await waiting).toBe(true);
    expect(await reader.wait(0)).toBe(true);
  });

  onLinux('stops waiting when it is closed', async (libc, scope) => {
    const { reader, put } = setUp(libc, scope);
    const waiting = reader.wait();
    await reader.close();
    expect(await waiting).toBe(false);
    put(1);
    expect(await reader.consume()).toEqual([]);
    expect(await reader.wait()).toBe(false);
    await reader.close();
  });

  onLinux('may be closed by who sees a record', async (libc, scope) => {
    const { reader, put } = setUp(libc, scope);
    put(1, 2);
    let closing: Promise<void> | undefined;
    expect(await reader.drain(() => (closing = reader.close()))).toBe(1);
    await closing;
  });

  onLinux('outlives the descriptor it was opened with', async (libc, scope) => {
    const { mapFd, reader, put } = setUp(libc, scope);
    libc.syscall(SYS.close, mapFd);
    put(4);
    expect(words(await reader.consume())).toEqual([4]);
  });

  onLinux('is not opened on other things', (libc, scope) => {
    const reason = (fd: number): string => {
      const opened = openRingbuf(libc, fd);
      return opened.ok ? 'opened' : opened.reason;
    };
    const [array, program] = [scope.map(), scope.program(assemble('r0 = 0\nexit'))];
    expect(reason(array)).toBe(`fd ${array} is no ring buffer`);
    expect(reason(program)).toBe(`fd ${program} is no ring buffer`);
    expect(reason(900)).toBe('fd 900 is not open');
  });
});
