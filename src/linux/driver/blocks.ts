import type { Argument, Block } from '../executor.ts';
import type { Channel } from './area.ts';

const ALIGNMENT = 16;

/** A system call: its number and its arguments. */
export type Call = readonly [number: number, ...args: Argument[]];

/** System calls with their arguments put where the task finds them. */
export interface Placed {
  readonly calls: readonly (readonly bigint[])[];
  /** Gives each block what the kernel made of it. */
  copyBack(): void;
}

/** @throws RangeError when they do not fit. */
export function placeCalls(channel: Channel, calls: readonly Call[]): Placed {
  const places = new Map<Block, number>();
  let end = 0;
  const reserve = (block: Block): void => {
    if (places.has(block)) return;
    places.set(block, end);
    end = Math.ceil((end + block.bytes.length) / ALIGNMENT) * ALIGNMENT;
    for (const { to } of block.pointers ?? []) reserve(to);
  };
  for (const arg of calls.flat()) if (typeof arg === 'object' && arg !== null) reserve(arg);
  const data = channel.data(end);
  const view = new DataView(data.buffer, data.byteOffset);
  const addressOf = (block: Block): bigint => BigInt(channel.address + (places.get(block) ?? 0));
  for (const [{ bytes, pointers = [] }, at] of places) {
    data.set(bytes, at);
    for (const { offset, to } of pointers) view.setBigUint64(at + offset, addressOf(to), true);
  }
  const word = (arg: Argument): bigint => {
    if (arg === null) return 0n;
    return typeof arg === 'object' ? addressOf(arg) : BigInt(arg);
  };
  return {
    calls: calls.map((call) => call.map(word)),
    copyBack: () => {
      for (const [{ bytes }, at] of places) bytes.set(data.subarray(at, at + bytes.length));
    },
  };
}
