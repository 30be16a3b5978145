import type { Path } from './mount.ts';
import type { Vfs } from './vfs.ts';

/** Calls a hook with the place as a `struct path` in kernel memory, which is there for the call alone. */
export function onPath(vfs: Vfs, { mnt, dentry }: Path, call: (at: number) => number): number {
  const path = vfs.core.structs.path.alloc();
  path.mnt = mnt.addr;
  path.dentry = dentry.addr;
  const result = call(path.addr);
  vfs.core.mem.free(path.addr);
  return result;
}
