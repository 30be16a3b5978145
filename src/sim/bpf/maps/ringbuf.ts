import { ERRNO } from '../../../abi/index.ts';
import type { KernelMemory, Offset } from '../../mem/memory.ts';
import { roundUp8, type MapAttr, type MapEnv, type MapOps, type RingBuffer } from './ops.ts';

/** What the kernel says for map operations that a kind has not; it never reaches libc's list of errnos. */
const { ENOTSUPP } = ERRNO;
const PAGE = 4096;
const BUSY = 0x80000000;
const DISCARD = 0x40000000;
const LENGTH = 0x3fffffff;
const HEADER = 8;
const MAX_RECORD = 0x3fffffff;

/*
 * A ring buffer in kernel memory, as `struct bpf_ringbuf` lays it out:
 *
 *   page 0    the map that it belongs to
 *   page 1    u64 consumer position
 *   page 2    u64 producer position
 *   page 3…   data; twice its size, so that a record that crosses the end stays in one piece, for which Linux maps
 *             the same pages twice
 *
 * A record: u32 length with the BUSY and DISCARD bits, u32 its distance from page 0 in pages, then its bytes.
 */
const CONSUMER = PAGE;
const PRODUCER = 2 * PAGE;
const DATA = 3 * PAGE;

const refuse = (): number => -ENOTSUPP;

/** BPF_MAP_TYPE_RINGBUF. */
export function ringbufMap(env: MapEnv, attr: MapAttr): MapOps {
  const { mem } = env;
  const base = mem.alloc(DATA + attr.maxEntries * 2);
  return {
    userValueSize: 0,
    lookup: () => 0,
    update: refuse,
    delete: refuse,
    nextKey: refuse,
    read: refuse,
    write: refuse,
    ring: ringBuffer(mem, base, attr.maxEntries),
    free: () => mem.free(base),
  };
}

function ringBuffer(mem: KernelMemory, base: Offset, size: number): RingBuffer {
  const mask = size - 1;
  /** Everything before it was committed: a record must not reach over one that is still being written. */
  let pending = 0;
  const position = (at: Offset): number =>
    mem.view.getUint32(at + 4, true) * 2 ** 32 + mem.view.getUint32(at, true);
  const setPosition = (at: Offset, value: number): void => {
    mem.view.setUint32(at, value >>> 0, true);
    mem.view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
  };
  const record = (at: number): Offset => base + DATA + (at % size);

  function advancePending(producer: number): void {
    while (pending < producer) {
      const header = mem.view.getUint32(record(pending), true);
      if (header >= BUSY) return;
      pending += roundUp8((header & LENGTH) + HEADER);
    }
  }

  return {
    size,
    get consumer() {
      return position(base + CONSUMER);
    },
    get producer() {
      return position(base + PRODUCER);
    },
    reserve(bytes) {
      if (bytes > MAX_RECORD) return 0;
      const length = roundUp8(bytes + HEADER);
      const producer = position(base + PRODUCER);
      advancePending(producer);
      const end = producer + length;
      if (length > size || end - position(base + CONSUMER) > mask || end - pending > mask) return 0;
      const header = record(producer);
      mem.view.setUint32(header, (bytes | BUSY) >>> 0, true);
      mem.view.setUint32(header + 4, Math.floor((header - base) / PAGE), true);
      setPosition(base + PRODUCER, end);
      return header + HEADER;
    },
    get readable() {
      const at = position(base + CONSUMER);
      return at < position(base + PRODUCER) && mem.view.getUint32(record(at), true) < BUSY;
    },
    take(visit) {
      let at = position(base + CONSUMER);
      const end = position(base + PRODUCER);
      while (at < end) {
        const header = record(at);
        const word = mem.view.getUint32(header, true);
        if (word >= BUSY) break;
        const length = word & LENGTH;
        at += roundUp8(length + HEADER);
        visit(header + HEADER, length, (word & DISCARD) !== 0);
      }
      setPosition(base + CONSUMER, at);
    },
  };
}

/** Ends the writing of a record, whose bytes are at `sample` (bpf_ringbuf_submit, bpf_ringbuf_discard). */
export function commitRecord(mem: KernelMemory, sample: Offset, discard: boolean): void {
  const header = sample - HEADER;
  const length = mem.view.getUint32(header, true) & LENGTH;
  mem.view.setUint32(header, discard ? length | DISCARD : length, true);
}
