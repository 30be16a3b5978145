import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BPF_MAP_TYPE, BPF_PROG_TYPE, PROG_LOAD_FLAGS } from '../src/abi/index.ts';
import { assemble } from '../src/isa/index.ts';
import type { Kernel, RingBuffer, Task } from '../src/kernel/index.ts';
import { openLinux } from '../src/linux/index.ts';
import type { Row } from './measure.ts';

const RECORD = 72;
const RECORDS = 10_000;
const SIZE = 1 << 20;
const ROUNDS = 40;
const WARM_UP = 10;
const RINGBUF_OUTPUT = 130;

/** Puts RECORDS records into the ring buffer. */
const producer = (mapFd: number): string => `
  r6 = ${RECORDS}
  ${Array.from({ length: RECORD / 8 }, (_, i) => `*(u64 *)(r10 - ${RECORD - i * 8}) = ${i}`).join('\n')}
  r1 = map[fd:${mapFd}]
  r2 = r10
  r2 += -${RECORD}
  r3 = ${RECORD}
  r4 = 0
  call #${RINGBUF_OUTPUT}
  r6 += -1
  if r6 != 0 goto pc-9
  r0 = 0
  exit`;

async function must<T>(
  call: Promise<{ ok: true; value: T } | { ok: false; reason: string }>,
): Promise<T> {
  const result = await call;
  if (!result.ok) throw new Error(result.reason);
  return result.value;
}

interface Setup {
  readonly task: Task;
  readonly mapFd: number;
  readonly progFd: number;
  readonly ring: RingBuffer;
}

async function setUp({ self: task }: Kernel): Promise<Setup> {
  const ringbuf = { mapType: BPF_MAP_TYPE.RINGBUF, keySize: 0, valueSize: 0, maxEntries: SIZE };
  const mapFd = await must(task.bpf('MAP_CREATE', ringbuf));
  const program = {
    progType: BPF_PROG_TYPE.SYSCALL,
    progFlags: PROG_LOAD_FLAGS.SLEEPABLE,
    insns: assemble(producer(mapFd)),
    license: 'GPL',
  };
  const progFd = await must(task.bpf('PROG_LOAD', program));
  return { task, mapFd, progFd, ring: await must(task.ringbuf(mapFd)) };
}

/** Nanoseconds per record of one round: taking them alone, and together with the run of the program. */
type Sample = readonly [taken: number, whole: number];

async function measureOurs({ task, progFd, ring }: Setup): Promise<Sample[]> {
  const samples: Sample[] = [];
  let sum = 0;
  let words: Uint32Array | undefined;
  // One function for all rounds, as a reader has: the engine makes it part of the loop that calls it.
  const visit = (area: Uint8Array, offset: number): void => {
    words ??= new Uint32Array(area.buffer, area.byteOffset);
    sum += words[offset >> 2] ?? 0;
  };
  for (let i = 0; i < WARM_UP + ROUNDS; i++) {
    const start = performance.now();
    await must(task.bpf('PROG_TEST_RUN', { progFd }));
    const filled = performance.now();
    const count = await ring.drain(visit);
    const end = performance.now();
    if (count !== RECORDS) throw new Error(`${count} records instead of ${RECORDS}`);
    samples.push([((end - filled) * 1e6) / count, ((end - start) * 1e6) / count]);
  }
  if (sum !== 0) throw new Error('the first word of each record is 0');
  return samples.slice(WARM_UP);
}

/** The same by libbpf in C, compiled here. @returns why not, where that cannot be. */
function measurePeer({ mapFd, progFd }: Setup): Sample[] | string {
  const folder = mkdtempSync(join(tmpdir(), 'krsi-bench-'));
  try {
    const program = join(folder, 'ringbuf');
    const source = join(import.meta.dirname, 'ringbuf.c');
    execFileSync('cc', ['-O2', '-o', program, source, '-lbpf'], { stdio: 'pipe' });
    const stdio = ['ignore', 'pipe', 'pipe', mapFd, progFd] as const;
    const run = spawnSync(program, [String(WARM_UP + ROUNDS)], { stdio: [...stdio] });
    if (run.status !== 0) return `the peer in C ended with ${run.status ?? run.signal}`;
    const lines = String(run.stdout).trim().split('\n').slice(WARM_UP);
    return lines.map((line) => {
      const [taken = 0, whole = 0] = line.split(' ').map(Number);
      return [taken, whole];
    });
  } catch (error) {
    return `the peer in C needs cc and libbpf-dev: ${String(error).split('\n')[0]}`;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function row(what: string, values: readonly number[]): Row {
  const sorted = values.toSorted((a, b) => a - b);
  const median = sorted[sorted.length >> 1] ?? 0;
  return { what, unit: 'ns', median, best: sorted[0] ?? 0, samples: sorted.length };
}

const rows = (who: string, samples: readonly Sample[]): Row[] => [
  row(
    `take a ring buffer record, ${who}`,
    samples.map(([taken]) => taken),
  ),
  row(
    `produce and take a ring buffer record, ${who}`,
    samples.map(([, whole]) => whole),
  ),
];

/**
 * Reading a ring buffer of the real kernel, beside libbpf in C. The records come from a program that is run by
 * BPF_PROG_TEST_RUN: nothing is attached.
 * @returns why not, where this machine does not allow it.
 */
export async function ringbufRows(): Promise<Row[] | string> {
  try {
    const setup = await setUp(await openLinux());
    const ours = await measureOurs(setup);
    await setup.ring.close();
    const peer = measurePeer(setup);
    for (const fd of [setup.progFd, setup.mapFd]) await setup.task.call('close', fd);
    if (typeof peer === 'string') console.error(peer);
    return [...rows('krsi', ours), ...(typeof peer === 'string' ? [] : rows('libbpf in C', peer))];
  } catch (error) {
    return `ring buffers of the real kernel: ${error instanceof Error ? error.message : String(error)}`;
  }
}
