import type { KernelMemory, Offset } from './memory.ts';

/** A set of capabilities: bit n is capability n. Fits a double exactly, as Linux has 41 of them. */
export type CapSet = number;

/** Capabilities by number (include/uapi/linux/capability.h). */
export const CAPABILITIES = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETPCAP',
  'CAP_LINUX_IMMUTABLE',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_BROADCAST',
  'CAP_NET_ADMIN',
  'CAP_NET_RAW',
  'CAP_IPC_LOCK',
  'CAP_IPC_OWNER',
  'CAP_SYS_MODULE',
  'CAP_SYS_RAWIO',
  'CAP_SYS_CHROOT',
  'CAP_SYS_PTRACE',
  'CAP_SYS_PACCT',
  'CAP_SYS_ADMIN',
  'CAP_SYS_BOOT',
  'CAP_SYS_NICE',
  'CAP_SYS_RESOURCE',
  'CAP_SYS_TIME',
  'CAP_SYS_TTY_CONFIG',
  'CAP_MKNOD',
  'CAP_LEASE',
  'CAP_AUDIT_WRITE',
  'CAP_AUDIT_CONTROL',
  'CAP_SETFCAP',
  'CAP_MAC_OVERRIDE',
  'CAP_MAC_ADMIN',
  'CAP_SYSLOG',
  'CAP_WAKE_ALARM',
  'CAP_BLOCK_SUSPEND',
  'CAP_AUDIT_READ',
  'CAP_PERFMON',
  'CAP_BPF',
  'CAP_CHECKPOINT_RESTORE',
] as const;
export type CapName = (typeof CAPABILITIES)[number];

/** Number by name. */
export const CAP = Object.fromEntries(CAPABILITIES.map((name, i) => [name, i])) as Readonly<
  Record<CapName, number>
>;

export const NO_CAPS: CapSet = 0;
export const ALL_CAPS: CapSet = 2 ** CAPABILITIES.length - 1;

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
export const capSetOf = (caps: readonly CapName[]): CapSet =>
  caps.reduce((set, name) => capUnion(set, 2 ** CAP[name]), NO_CAPS);

/** Reads a `kernel_cap_t`: two 32-bit words until 6.2, one of 64 bits since, the same bytes on little endian. */
export const readCaps = (mem: KernelMemory, at: Offset): CapSet =>
  pair(mem.view.getUint32(at, true), mem.view.getUint32(at + 4, true));
export const writeCaps = (mem: KernelMemory, at: Offset, set: CapSet): void => {
  mem.view.setUint32(at, low(set), true);
  mem.view.setUint32(at + 4, high(set), true);
};
