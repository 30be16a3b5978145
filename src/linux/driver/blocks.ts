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
  const place = (block: Block): bigint => {
    const known = places.get(block);
    if (known !== undefined) return BigInt(channel.address + known);
    const at = end;
    end = Math.ceil((at + block.bytes.length) / ALIGNMENT) * ALIGNMENT;
    if (end > channel.data.length)
      throw new RangeError(`the arguments of a system call take over ${channel.data.length} bytes`);
    places.set(block, at);
    channel.data.set(block.bytes, at);
    const view = new DataView(channel.data.buffer, channel.data.byteOffset + at);
    for (const { offset, to } of block.pointers ?? []) view.setBigUint64(offset, place(to), true);
    return BigInt(channel.address + at);
  };
  const word = (arg: Argument): bigint => {
    if (arg === null) return 0n;
    return typeof arg === 'object' ? place(arg) : BigInt(arg);
  };
  return {
    calls: calls.map((call) => call.map(word)),
    copyBack: () => {
      for (const [{ bytes }, at] of places) bytes.set(channel.data.subarray(at, at + bytes.length));
    },
  };
}
