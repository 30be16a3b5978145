import type { HookPoint, Lsm } from '../lsm/index.ts';
import type { Layouts } from '../mem/layout.ts';
import type { KernelMemory } from '../mem/memory.ts';
import type { Structs } from '../mem/structs.ts';

/** What every room of the simulated kernel stands on. */
export interface Core {
  readonly mem: KernelMemory;
  readonly layouts: Layouts;
  readonly structs: Structs;
  readonly lsm: Lsm;
  /** Release as one number, 6.12 is 6012: Linux moved some hooks between releases. */
  readonly version: number;
  /** ktime in nanoseconds. */
  now(): number;
}

/** 6012 for `6.12.95+deb12-amd64`. */
export function versionOf(release: string): number {
  const [, major = '0', minor = '0'] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  return Number(major) * 1000 + Number(minor);
}

/** The hooks a room calls, found once. */
export function hookPoints<N extends string>(
  lsm: Lsm,
  names: readonly N[],
): Readonly<Record<N, HookPoint>> {
  return Object.fromEntries(names.map((name) => [name, lsm.hook(name)])) as Record<N, HookPoint>;
}

/** What hooks see as `gfp`. */
export const GFP_KERNEL = 0xcc0;
