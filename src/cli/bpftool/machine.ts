import { readFileSync, readdirSync } from 'node:fs';
import { uptime } from 'node:os';
import { join } from 'node:path';
import type { Machine } from './session.ts';

const quietly = <T>(read: () => T): T | undefined => {
  try {
    return read();
  } catch {
    return undefined;
  }
};

const entries = (path: string) => quietly(() => readdirSync(path, { withFileTypes: true })) ?? [];

function filesBelow(path: string): readonly string[] {
  return entries(path).flatMap((entry) => {
    const inner = join(path, entry.name);
    if (entry.isDirectory()) return filesBelow(inner);
    return entry.isFile() ? [inner] : [];
  });
}

function foldersBelow(path: string): readonly string[] {
  const inner = entries(path).filter((entry) => entry.isDirectory());
  return [path, ...inner.flatMap((entry) => foldersBelow(join(path, entry.name)))];
}

/** The machine that this process runs on; descriptors are this process's own. */
export function thisMachine(): Machine {
  return {
    fdinfo: (fd) => quietly(() => readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')),
    mounts: () => quietly(() => readFileSync('/proc/self/mounts', 'utf8')) ?? '',
    filesBelow,
    foldersBelow: (path) => (quietly(() => readdirSync(path)) ? foldersBelow(path) : undefined),
    bootedAt: Date.now() - uptime() * 1000,
  };
}
