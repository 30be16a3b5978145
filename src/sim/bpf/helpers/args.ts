import { FIRST_MAPPED_OFFSET, type Call, type HelperFunction } from '../../../vm/index.ts';
import type { Offset } from '../../mem/memory.ts';
import type { BpfMap } from '../map.ts';
import type { BpfState } from '../state.ts';

/** Makes the helper for one kernel. */
export type HelperMaker = (state: BpfState) => HelperFunction;

export interface Helper {
  readonly make: HelperMaker;
  /** Only for programs with a licence that the GPL is compatible with. */
  readonly gplOnly?: boolean;
  readonly note?: string;
}

/** First byte behind user addresses on x86-64, in units of 4 GiB: the high half of the first kernel-side address. */
const USER_HI_END = 0x8000;

export const isUserAddress = (hi: number): boolean => hi >>> 0 < USER_HI_END;

/** Argument as an unsigned number of 64 bits, exact up to 2^53. */
export const u64 = (call: Call, register: number): number =>
  ((call.hi[register] ?? 0) >>> 0) * 2 ** 32 + ((call.lo[register] ?? 0) >>> 0);

export const u32 = (call: Call, register: number): number => (call.lo[register] ?? 0) >>> 0;

/** A kernel pointer as an offset; 0 for NULL and for everything that is no kernel address. */
export const pointer = (call: Call, register: number): Offset =>
  call.hi[register] === call.memory.baseHi ? (call.lo[register] ?? 0) >>> 0 : 0;

/** Sets r0 to an integer of up to 53 bits, sign-extended. */
export function result(call: Call, value: number): void {
  call.lo[0] = value;
  call.hi[0] = Math.floor(value / 2 ** 32);
}

/** Sets r0 to a kernel pointer, 0 for NULL. */
export function pointerResult(call: Call, offset: Offset): void {
  call.lo[0] = offset;
  call.hi[0] = offset === 0 ? 0 : call.memory.baseHi;
}

export const isMapped = (call: Call, offset: Offset, size: number): boolean =>
  offset >= FIRST_MAPPED_OFFSET && offset + size <= call.memory.size;

/** Memory that a program passes: Linux's verifier proves it good, here a bad one is a fault. 0 then. */
export function memory(call: Call, register: number, size: number): Offset {
  const at = pointer(call, register);
  if (isMapped(call, at, Math.max(size, 1))) return at;
  call.fault(`R${register} does not point to ${size} bytes of memory`);
  return 0;
}

/** The map that a program passes; a fault if it is none. */
export function mapArgument(state: BpfState, call: Call, register: number): BpfMap | undefined {
  const map = state.mapAt.get(pointer(call, register));
  if (map === undefined) call.fault(`R${register} is no map`);
  return map;
}
