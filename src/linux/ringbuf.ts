import { BPF_MAP_TYPE, ERRNO, errnoText, MAP, PROT } from '../abi/index.ts';
import type { BpfResult } from '../kernel/bpf.ts';
import type { RingBuffer, RingBufferStats } from '../kernel/kernel.ts';
import { bpf } from './bpf.ts';
import type { Executor } from './executor.ts';
import type { Libc } from './libc.ts';
import { SYS } from './numbers.ts';

const PAGE = 4096;
/** Two bits of a record's length word (kernel/bpf/ringbuf.c). */
const BUSY_BIT = 0x8000_0000;
const DISCARD_BIT = 0x4000_0000;
const HEADER = 8;
/** How long to wait for a record that a program is writing just now; the kernel wakes nobody for it twice. */
const BUSY_MILLISECONDS = 1;

/** The memory of a ring buffer. Positions count bytes since the map was made. */
export interface Ring {
  readonly size: number;
  readonly consumer: BigUint64Array;
  readonly producer: BigUint64Array;
  /** The data twice in a row, so that a record at the end is read without a seam. */
  readonly words: Uint32Array;
  readonly bytes: Uint8Array;
}

interface Mapping extends Ring {
  unmap(): void;
}

/**
 * The ring buffer behind a descriptor of this process.
 * @param mapFd is duplicated: the caller may close its own.
 */
export function openRingbuf(libc: Libc, mapFd: number): BpfResult<RingBuffer> {
  const size = ringSize(libc, mapFd);
  if (!size.ok) return size;
  const fd = libc.syscall(SYS.fcntl, mapFd, F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return { ok: false, errno: -fd, reason: errnoText(fd) };
  const mapping = mapRing(libc, fd, size.value);
  if (mapping.ok) return { ok: true, value: reader(libc, fd, mapping.value) };
  libc.syscall(SYS.close, fd);
  return mapping;
}

const F_DUPFD_CLOEXEC = 1030;

/** The room for records of the ring buffer behind a descriptor, in bytes. */
export function ringSize(task: Executor, mapFd: number): BpfResult<number> {
  const info = bpf(task, 'OBJ_GET_INFO_BY_FD', { bpfFd: mapFd });
  if (!info.ok) return info;
  if (info.value.kind === 'map' && info.value.type === BPF_MAP_TYPE.RINGBUF)
    return { ok: true, value: info.value.maxEntries };
  return { ok: false, errno: ERRNO.EINVAL, reason: `fd ${mapFd} is no ring buffer` };
}

/** Where a task has a ring buffer mapped. */
export interface RingPages {
  readonly consumer: number;
  /** The producer position, and a page later the data. */
  readonly producer: number;
  /** Of the producer position and the data, in bytes. */
  readonly length: number;
}

/** The kernel maps: consumer position (one page, writable), producer position (one page), data (twice its size). */
export function mapPages(task: Executor, fd: number, size: number): BpfResult<RingPages> {
  const map = (length: number, prot: number, offset: number): number =>
    task.syscall(SYS.mmap, 0, length, prot, MAP.SHARED, fd, offset);
  const consumer = map(PAGE, PROT.READ | PROT.WRITE, 0);
  if (consumer < 0) return refusal(consumer, 'consumer position');
  const length = PAGE + 2 * size;
  const producer = map(length, PROT.READ, PAGE);
  if (producer >= 0) return { ok: true, value: { consumer, producer, length } };
  task.syscall(SYS.munmap, consumer, PAGE);
  return refusal(producer, 'producer position and data');
}

export function unmapPages(task: Executor, { consumer, producer, length }: RingPages): void {
  task.syscall(SYS.munmap, consumer, PAGE);
  task.syscall(SYS.munmap, producer, length);
}

function mapRing(libc: Libc, fd: number, size: number): BpfResult<Mapping> {
  const pages = mapPages(libc, fd, size);
  if (!pages.ok) return pages;
  const area = libc.view(pages.value.producer, pages.value.length);
  const value: Mapping = {
    size,
    consumer: new BigUint64Array(libc.view(pages.value.consumer, PAGE), 0, 1),
    producer: new BigUint64Array(area, 0, 1),
    words: new Uint32Array(area, PAGE),
    bytes: new Uint8Array(area, PAGE),
    unmap: () => unmapPages(libc, pages.value),
  };
  return { ok: true, value };
}

const refusal = (error: number, what: string): BpfResult<never> => ({
  ok: false,
  errno: -error,
  reason: `mmap of the ${what}: ${errnoText(error)}`,
});

function reader(libc: Libc, fd: number, ring: Mapping): RingBuffer {
  const cursor = new Cursor(ring);
  let open = true;
  const readable = (): boolean => open && cursor.readable;
  return {
    drain: (visit) => Promise.resolve(open ? cursor.drain(visit) : 0),
    consume() {
      const taken: Uint8Array[] = [];
      if (open) cursor.drain((area, at, length) => taken.push(area.slice(at, at + length)));
      return Promise.resolve(taken);
    },
    async wait(timeout = Number.POSITIVE_INFINITY) {
      const end = performance.now() + timeout;
      while (!readable()) {
        const left = end - performance.now();
        if (!open || left <= 0) return false;
        if (cursor.writing) await new Promise((go) => setTimeout(go, BUSY_MILLISECONDS));
        else await libc.poller.readable(fd, left);
      }
      return true;
    },
    stats: () => cursor.stats(),
    async close() {
      if (!open) return;
      open = false;
      cursor.close();
      await libc.poller.forget(fd);
      ring.unmap();
      libc.syscall(SYS.close, fd);
    },
  };
}

/** Where this reader is. Space goes back to programs in steps: a 64-bit store for each record would cost more. */
export class Cursor {
  readonly #ring: Ring;
  #at: number;
  #closed = false;
  #consumed = 0;
  #discarded = 0;

  constructor(ring: Ring) {
    this.#ring = ring;
    this.#at = Number(Atomics.load(ring.consumer, 0));
  }

  get readable(): boolean {
    return this.#pending && this.#head < BUSY_BIT;
  }

  /** A program has begun the next record and not finished it. */
  get writing(): boolean {
    return this.#pending && this.#head >= BUSY_BIT;
  }

  get #pending(): boolean {
    return !this.#closed && this.#at < Number(Atomics.load(this.#ring.producer, 0));
  }

  get #head(): number {
    return Atomics.load(this.#ring.words, (this.#at % this.#ring.size) / 4);
  }

  drain(visit: (area: Uint8Array, offset: number, length: number) => void): number {
    const before = this.#consumed;
    while (this.#pending && this.#round(visit));
    return this.#consumed - before;
  }

  /** Takes a stretch of records and gives their space back. @returns false at one that is being written. */
  #round(visit: (area: Uint8Array, offset: number, length: number) => void): boolean {
    const { words, bytes, size, producer, consumer } = this.#ring;
    const mask = size - 1;
    const available = Number(Atomics.load(producer, 0)) - this.#at;
    const stretch = Math.min(available, Math.max(size >> 3, 1));
    let offset = this.#at % size;
    let done = 0;
    let consumed = 0;
    let discarded = 0;
    let writing = false;
    try {
      while (done < stretch && !this.#closed) {
        // A plain load: x86-64 keeps it behind that of the producer position, and what it guards behind it.
        const word = words[offset >> 2] ?? BUSY_BIT;
        writing = word >= BUSY_BIT;
        if (writing) break;
        const length = word & ~DISCARD_BIT;
        const at = offset + HEADER;
        const step = (HEADER + length + 7) & ~7;
        done += step;
        offset = (offset + step) & mask;
        if ((word & DISCARD_BIT) === 0) {
          consumed += 1;
          visit(bytes, at, length);
        } else discarded += 1;
      }
    } finally {
      this.#consumed += consumed;
      this.#discarded += discarded;
      this.#at += done;
      Atomics.store(consumer, 0, BigInt(this.#at));
    }
    return !writing;
  }

  stats(): RingBufferStats {
    const { size, producer } = this.#ring;
    return {
      size,
      producerPosition: this.#closed ? this.#at : Number(Atomics.load(producer, 0)),
      consumerPosition: this.#at,
      consumed: this.#consumed,
      discarded: this.#discarded,
    };
  }

  close(): void {
    this.#closed = true;
  }
}
