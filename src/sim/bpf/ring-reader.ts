import { ERRNO } from '../../abi/index.ts';
import type { RingBufferStats } from '../../kernel/kernel.ts';
import type { BpfMap } from './map.ts';
import { refuse } from './objects.ts';
import type { BpfState } from './state.ts';

/** A ring buffer as user space reads it. */
export interface RingReader {
  readonly open: boolean;
  readonly readable: boolean;
  /** Shows the records that are there now, oldest first. @returns how many. */
  drain(visit: (area: Uint8Array, offset: number, length: number) => void): number;
  /** Copies of the records that are there now, oldest first. */
  consume(): Uint8Array[];
  /** Calls `wake` when {@link open} or {@link readable} may have changed, until the result is called. */
  onChange(wake: () => void): () => void;
  stats(): RingBufferStats;
  close(): void;
}

/** Maps the ring buffer of a map for reading; it keeps the map until it is closed. */
export function openRing(state: BpfState, map: BpfMap): RingReader {
  const { ring } = map.ops;
  if (ring === undefined) return refuse(ERRNO.EINVAL, `map ${map.name} is no ring buffer`);
  map.getUser();
  const wakers = new Set<() => void>();
  const counts = { consumed: 0, discarded: 0 };
  let open = true;
  const reader: RingReader = {
    get open() {
      return open;
    },
    get readable() {
      return open && ring.readable;
    },
    drain(visit) {
      if (!open) return 0;
      const before = counts.consumed;
      ring.take((at, length, discarded) => {
        counts[discarded ? 'discarded' : 'consumed'] += 1;
        if (!discarded) visit(state.host.mem.u8, at, length);
      });
      return counts.consumed - before;
    },
    consume() {
      const taken: Uint8Array[] = [];
      reader.drain((area, at, length) => taken.push(area.slice(at, at + length)));
      return taken;
    },
    onChange(wake) {
      wakers.add(wake);
      state.sleepers.add(wake);
      return () => {
        wakers.delete(wake);
        state.sleepers.delete(wake);
      };
    },
    stats: () => ({
      size: ring.size,
      producerPosition: ring.producer,
      consumerPosition: ring.consumer,
      ...counts,
    }),
    close() {
      if (!open) return;
      open = false;
      for (const wake of wakers) wake();
      map.putUser();
    },
  };
  return reader;
}
