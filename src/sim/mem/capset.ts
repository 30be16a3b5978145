import { CAP } from '../../abi/index.ts';
import type { KernelMemory, Offset } from './memory.ts';

/** A set of capabilities: bit n is capability n. Fits a double exactly, as Linux has 41 of them. */
export type CapSet = number;

/** Name of a capability as Linux writes it: `CAP_SYS_ADMIN`. */
export type CapName = `CAP_${keyof typeof CAP}`;

export const NO_CAPS: CapSet = 0;
export const ALL_CAPS: CapSet = 2 ** Object.keys(CAP).length - 1;

const NUMBERS: ReadonlyMap<string, number> = new Map(
  Object.entries(CAP).map(([name, number]) => [`CAP_${name}`, number]),
);
const HIGH = 2 ** 32;
const pair = (low: number, high: number): CapSet => (high >>> 0) * HIGH + (low >>> 0);
const low = (set: CapSet): number => set >>> 0;
const high = (set: CapSet): number => Math.floor(set / HIGH);

export const capHas = (set: CapSet, cap: number): boolean =>
  ((cap < 32 ? low(set) : high(set)) & (1 << (cap & 31))) !== 0;
export const capUnion = (a: CapSet, b: CapSet): CapSet => pair(low(a) | low(b), high(a) | high(b));
export const capIntersect = (a: CapSet, b: CapSet): CapSet =>
  pair(low(a) & low(b), high(a) & high(b));
export const capWithout = (a: CapSet, b: CapSet): CapSet =>
  pair(low(a) & ~low(b), high(a) & ~high(b));
/** Whether every capability of `a` is in `b`. */
export const capSubset = (a: CapSet, b: CapSet): boolean => capWithout(a, b) === NO_CAPS;
/** @throws TypeError for a name that is no capability. */
function capNumber(name: CapName): number {
  const number = NUMBERS.get(name);
  if (number === undefined) throw new TypeError(`${name} is no capability`);
  return number;
}

export const capSetOf = (caps: readonly CapName[]): CapSet =>
  caps.reduce((set, name) => capUnion(set, 2 ** capNumber(name)), NO_CAPS);

/** Reads a `kernel_cap_t`: two 32-bit words until 6.2, one of 64 bits since, the same bytes on little endian. */
export const readCaps = (mem: KernelMemory, at: Offset): CapSet =>
  pair(mem.view.getUint32(at, true), mem.view.getUint32(at + 4, true));
export const writeCaps = (mem: KernelMemory, at: Offset, set: CapSet): void => {
  mem.view.setUint32(at, low(set), true);
  mem.view.setUint32(at + 4, high(set), true);
};
