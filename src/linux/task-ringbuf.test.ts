import { describe, expect } from 'vitest';
import { BPF_MAP_TYPE, BPF_PROG_TYPE, ERRNO, PROG_LOAD_FLAGS } from '../abi/index.ts';
import { assemble } from '../isa/index.ts';
import type { RingBuffer } from '../kernel/kernel.ts';
import { type DrivenTask, startDriver } from './driver/index.ts';
import { openTaskRingbuf } from './task-ringbuf.ts';
import { must, onLinux, Scope } from './testdata/host.ts';

const SIZE = 4096;

interface Ring {
  readonly task: DrivenTask;
  readonly reader: RingBuffer;
  /** Has a program in the kernel put these words, a record of `bytes` for each. */
  readonly put: (...words: number[]) => void;
}

function setUp(task: DrivenTask, bytes: number): Ring {
  const scope = new Scope(task);
  const mapType = BPF_MAP_TYPE.RINGBUF;
  const mapFd = scope.map({ mapType, keySize: 0, valueSize: 0, maxEntries: SIZE });
  const progFd = scope.program(
    assemble(`r6 = *(u64 *)(r1 + 0)
     r1 = map[fd:${mapFd}]
     r2 = ${bytes}
     r3 = 0
     call bpf_ringbuf_reserve#131
     if r0 == 0 goto pc+4
     *(u64 *)(r0 + 0) = r6
     r1 = r0
     r2 = 0
     call bpf_ringbuf_submit#132
     r0 = 0
     exit`),
    { progType: BPF_PROG_TYPE.SYSCALL, progFlags: PROG_LOAD_FLAGS.SLEEPABLE },
  );
  const opened = openTaskRingbuf(task, mapFd);
  if (!opened.ok) throw new Error(opened.reason);
  const put = (...words: number[]): void => {
    for (const word of words) {
      const ctxIn = new Uint8Array(new BigUint64Array([BigInt(word)]).buffer);
      must(task, 'PROG_TEST_RUN', { progFd, ctxIn });
    }
  };
  return { task, reader: opened.value, put };
}

function withRing(name: string, run: (ring: Ring) => Promise<void>, bytes = 8): void {
  onLinux(name, async (libc) => {
    const family = await startDriver(libc);
    try {
      await run(setUp(family.first, bytes));
    } finally {
      await family.close();
    }
  });
}

const words = (records: readonly Uint8Array[]): number[] =>
  records.map((record) => new Uint32Array(record.buffer)[0] ?? 0);

describe('a ring buffer of a driven task', () => {
  withRing('gives records in order, once', async ({ reader, put }) => {
    put(1, 2, 3);
    expect(words(await reader.consume())).toEqual([1, 2, 3]);
    expect(await reader.consume()).toEqual([]);
    expect(reader.stats()).toMatchObject({ size: SIZE, consumerPosition: 48, consumed: 3 });
  });

  withRing(
    'gives space back: many times its size goes through',
    async ({ reader, put }) => {
      const seen: number[] = [];
      for (let i = 0; i < 30; i += 3) {
        put(i, i + 1, i + 2);
        seen.push(...words(await reader.consume()));
      }
      expect(seen).toEqual(Array.from({ length: 30 }, (_, i) => i));
    },
    // With their headers, records of this size cross the end.
    1000,
  );

  withRing('tells when there is a record', async ({ reader, put }) => {
    expect(await reader.wait(0)).toBe(false);
    const waiting = reader.wait();
    put(5);
    expect(await waiting).toBe(true);
    expect(words(await reader.consume())).toEqual([5]);
  });

  withRing('ends with its reader, and with the task', async ({ task, reader, put }) => {
    put(1);
    await reader.close();
    expect(await reader.consume()).toEqual([]);
    expect(await reader.wait()).toBe(false);
    const other = setUp(task, 8).reader;
    const waiting = other.wait();
    task.kill();
    expect(await waiting).toBe(false);
  });

  onLinux('is refused for what is none', async (libc) => {
    const family = await startDriver(libc);
    const map = new Scope(family.first).map();
    expect(openTaskRingbuf(family.first, map)).toMatchObject({ ok: false, errno: ERRNO.EINVAL });
    expect(openTaskRingbuf(family.first, 77)).toMatchObject({ ok: false, errno: ERRNO.EBADFD });
    await family.close();
  });
});
