import { closeSync } from 'node:fs';
import { openLibc } from '../linux/libc.ts';
import { makeMount } from '../linux/mount.ts';
import { SyscallError } from '../linux/must-call.ts';
import { fileSystemType, MAGIC, readText } from './host.ts';

const PLACE = '/sys/kernel/security';

/** What a file of securityfs says, or why it cannot be read. */
export type SecurityText = { readonly text: string } | { readonly unknown: string };

/**
 * Reads files of securityfs. Where it is not mounted, through a mount of our own that has no place in the file system:
 * nothing on the machine changes by it.
 */
export async function readSecurityfs<N extends string>(
  ...names: readonly N[]
): Promise<Readonly<Record<N, SecurityText>>> {
  if (fileSystemType(PLACE) === MAGIC.securityfs) return readAll(PLACE, names);
  let mount: number;
  try {
    mount = makeMount(await openLibc(), 'securityfs');
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    const unknown = `securityfs is not mounted at ${PLACE}, and mounting it is refused: ${error.message}`;
    return Object.fromEntries(names.map((name) => [name, { unknown }])) as Record<N, SecurityText>;
  }
  try {
    return readAll(`/proc/self/fd/${mount}`, names);
  } finally {
    closeSync(mount);
  }
}

function readAll<N extends string>(
  folder: string,
  names: readonly N[],
): Readonly<Record<N, SecurityText>> {
  const read = (name: N): SecurityText => {
    const text = readText(`${folder}/${name}`);
    return text === undefined ? { unknown: `securityfs has no readable file ${name}` } : { text };
  };
  return Object.fromEntries(names.map((name) => [name, read(name)])) as Record<N, SecurityText>;
}

/** The LSMs that this kernel asks, in its order. */
export type ActiveLsms = { readonly names: readonly string[] } | { readonly unknown: string };

export const lsmsIn = (told: SecurityText): ActiveLsms =>
  'unknown' in told ? told : { names: told.text.split(',') };

/** Why LSM programs would do nothing on this machine, and what to do about it; undefined when they are asked. */
export function whyInactive(lsms: ActiveLsms): string | undefined {
  if ('unknown' in lsms)
    return `whether bpf is among the active LSMs cannot be told: ${lsms.unknown}`;
  if (lsms.names.includes('bpf')) return undefined;
  const wanted = [...lsms.names, 'bpf'].join(',');
  return (
    `bpf is not among the active LSMs (${lsms.names.join(',')}): LSM programs load and attach but are never asked; ` +
    `boot with lsm=${wanted} on the kernel command line`
  );
}
