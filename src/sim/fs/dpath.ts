import { ERRNO } from '../../abi/index.ts';
import type { Offset } from '../mem/memory.ts';
import type { Dentry } from './dentry.ts';
import type { Vfs } from './vfs.ts';

const { EINVAL } = ERRNO;

/**
 * d_path(): the text for a `struct path` in kernel memory, as the current task sees it.
 * @returns the path, ` (deleted)` behind it when it was unlinked; -EINVAL when the memory holds no known dentry.
 */
export function dPath(vfs: Vfs, path: Offset): string | number {
  const dentry = vfs.dentries.at(vfs.core.structs.path.at(path).dentry);
  return dentry === undefined ? -EINVAL : pathText(vfs, dentry);
}

/** The same for a dentry that is known. */
export function pathText(vfs: Vfs, dentry: Dentry): string {
  if (dentry.dname !== undefined) return dentry.dname();
  const { root } = vfs.current.fs;
  const names: string[] = [];
  for (let at = dentry; at !== root.dentry && !at.isRoot; at = at.parent) names.unshift(at.name);
  const deleted = !dentry.isRoot && !dentry.hashed ? ' (deleted)' : '';
  return `/${names.join('/')}${deleted}`;
}
