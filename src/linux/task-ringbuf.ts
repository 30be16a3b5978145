import type { BpfResult } from '../kernel/bpf.ts';
import type { RingBuffer } from '../kernel/kernel.ts';
import type { DrivenTask } from './driver/index.ts';
import { SYS } from './numbers.ts';
import { Cursor, mapPages, type Ring, type RingPages, ringSize, unmapPages } from './ringbuf.ts';

const PAGE = 4096;
/** How often, in milliseconds, a waiting reader looks for records. */
const BEAT = 2;

/**
 * The ring buffer behind a descriptor of a driven task. The task maps it, as a reader does on Linux, and copies what is
 * new into the memory that it shares with this process. To fetch the descriptor itself would be pidfd_getfd(2), which
 * policies on ptrace_access_check see and may deny.
 */
export function openTaskRingbuf(task: DrivenTask, mapFd: number): BpfResult<RingBuffer> {
  const size = ringSize(task, mapFd);
  if (!size.ok) return size;
  const pages = mapPages(task, mapFd, size.value);
  if (!pages.ok) return pages;
  return { ok: true, value: reader(task, pages.value, new Copy(task, pages.value, size.value)) };
}

function reader(task: DrivenTask, pages: RingPages, ring: Copy): RingBuffer {
  ring.refresh();
  const cursor = new Cursor(ring);
  let open = true;
  const drain: RingBuffer['drain'] = (visit) => {
    if (!open) return Promise.resolve(0);
    ring.refresh();
    const count = cursor.drain(visit);
    ring.giveBack();
    return Promise.resolve(count);
  };
  return {
    drain,
    async consume() {
      const taken: Uint8Array[] = [];
      await drain((area, at, length) => taken.push(area.slice(at, at + length)));
      return taken;
    },
    async wait(timeout = Number.POSITIVE_INFINITY) {
      const end = performance.now() + timeout;
      for (;;) {
        if (open) ring.refresh();
        if (cursor.readable) return true;
        if (!open || !task.alive || performance.now() >= end) return false;
        await new Promise((go) => setTimeout(go, BEAT));
      }
    },
    stats() {
      if (open) ring.refresh();
      return cursor.stats();
    },
    close() {
      if (open) unmapPages(task, pages);
      open = false;
      cursor.close();
      return Promise.resolve();
    },
  };
}

/** A copy of what a ring buffer holds. The task copies, from its own memory to its own: no hook is asked. */
class Copy implements Ring {
  readonly size: number;
  readonly consumer = new BigUint64Array(1);
  readonly producer = new BigUint64Array(1);
  readonly words: Uint32Array;
  readonly bytes: Uint8Array;
  readonly #task: DrivenTask;
  readonly #pages: RingPages;
  readonly #pid: number;

  constructor(task: DrivenTask, pages: RingPages, size: number) {
    this.size = size;
    this.bytes = new Uint8Array(2 * size);
    this.words = new Uint32Array(this.bytes.buffer);
    this.#task = task;
    this.#pages = pages;
    this.#pid = task.syscall(SYS.getpid);
  }

  /** First the positions, then the data up to there. */
  refresh(): void {
    const { consumer, producer } = this.#pages;
    this.#copy(SYS.process_vm_readv, new Uint8Array(this.consumer.buffer), consumer);
    this.#copy(SYS.process_vm_readv, new Uint8Array(this.producer.buffer), producer);
    const from = Number((this.consumer[0] ?? 0n) % BigInt(this.size));
    const length = Number((this.producer[0] ?? 0n) - (this.consumer[0] ?? 0n));
    if (length === 0) return;
    const end = from + length;
    this.#copy(SYS.process_vm_readv, this.bytes.subarray(from, end), producer + PAGE + from);
    // The mapping shows the data twice in a row, and so does the copy.
    this.bytes.copyWithin(0, this.size, end);
  }

  giveBack(): void {
    const position = new Uint8Array(this.consumer.buffer);
    this.#copy(SYS.process_vm_writev, position, this.#pages.consumer);
  }

  #copy(call: number, bytes: Uint8Array, address: number): void {
    // struct iovec { base, length }: ours in the shared memory, the task's own mapping.
    const words = new BigUint64Array([0n, BigInt(bytes.length)]);
    const local = { bytes: new Uint8Array(words.buffer), pointers: [{ offset: 0, to: { bytes } }] };
    const remote = new BigUint64Array([BigInt(address), BigInt(bytes.length)]);
    const there = { bytes: new Uint8Array(remote.buffer) };
    this.#task.syscall(call, this.#pid, local, 1, there, 1, 0);
  }
}
