import { readFileSync, statfsSync } from 'node:fs';

/** The text of a file without its line end; undefined when it cannot be read. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** A sysctl that is a number: `kernel.unprivileged_bpf_disabled`. */
export function readSetting(name: string): number | undefined {
  const text = readText(`/proc/sys/${name.replaceAll('.', '/')}`);
  return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : undefined;
}

/** `f_type` of the file system at a path (statfs(2)); undefined when there is no such path. */
export function fileSystemType(path: string): number | undefined {
  try {
    return statfsSync(path).type;
  } catch {
    return undefined;
  }
}

export const MAGIC = {
  bpffs: 0xcafe4a11,
  securityfs: 0x73636673,
  cgroup2: 0x63677270,
} as const;
