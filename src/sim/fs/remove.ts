import { ERRNO } from '../../abi/index.ts';
import { mayCreate } from './create.ts';
import type { Dentry } from './dentry.ts';
import { MAY, isDirectory } from './flags.ts';
import type { Inode } from './inode.ts';
import { onPath } from './path.ts';
import { inodePermission, isSticky } from './permission.ts';
import type { Vfs } from './vfs.ts';
import { Walk, inodeOf, lookup, lookupForCreate, type Parent } from './walk.ts';

const { EBUSY, EINVAL, EISDIR, ENOENT, ENOTDIR, ENOTEMPTY, EPERM, EXDEV } = ERRNO;

/** unlink(2). */
export function unlink(vfs: Vfs, name: string): number {
  const parent = new Walk(vfs, vfs.current).parent(name);
  if (typeof parent === 'number') return parent;
  if (parent.type !== 'norm') return -EISDIR;
  const dentry = lookup(parent.dir.dentry, parent.last);
  if (typeof dentry === 'number') return dentry;
  const inode = inodeOf(dentry);
  if (parent.trailing) return isDirectory(inode.s.i_mode) ? -EISDIR : -ENOTDIR;
  const dir = inodeOf(parent.dir.dentry);
  let error = onPath(vfs, parent.dir, (at) => vfs.hooks.path_unlink.call(at, dentry.addr));
  if (error >= 0) error = mayDelete(vfs, dir, dentry, false);
  if (error >= 0) error = vfs.hooks.inode_unlink.call(dir.addr, dentry.addr);
  if (error < 0) return error;
  inode.s.i_nlink -= 1;
  vfs.inodes.touch(inode, ['i_ctime']);
  vfs.inodes.touch(dir, ['i_mtime', 'i_ctime']);
  vfs.dentries.unhash(dentry);
  return 0;
}

/** rmdir(2). */
export function rmdir(vfs: Vfs, name: string): number {
  const parent = new Walk(vfs, vfs.current).parent(name);
  if (typeof parent === 'number') return parent;
  if (parent.type === 'dotdot') return -ENOTEMPTY;
  if (parent.type === 'dot') return -EINVAL;
  if (parent.type === 'root') return -EBUSY;
  const dentry = lookup(parent.dir.dentry, parent.last);
  if (typeof dentry === 'number') return dentry;
  const dir = inodeOf(parent.dir.dentry);
  let error = onPath(vfs, parent.dir, (at) => vfs.hooks.path_rmdir.call(at, dentry.addr));
  if (error >= 0) error = mayDelete(vfs, dir, dentry, true);
  if (error >= 0) error = vfs.hooks.inode_rmdir.call(dir.addr, dentry.addr);
  if (error >= 0 && dentry.children.size > 0) error = -ENOTEMPTY;
  if (error < 0) return error;
  removeDirectory(vfs, dir, dentry);
  return 0;
}

function removeDirectory(vfs: Vfs, dir: Inode, dentry: Dentry): void {
  const inode = inodeOf(dentry);
  inode.s.i_nlink = 0;
  inode.dead = true;
  dir.s.i_nlink -= 1;
  vfs.inodes.touch(dir, ['i_mtime', 'i_ctime']);
  vfs.dentries.unhash(dentry);
}

/** may_delete(). */
function mayDelete(vfs: Vfs, dir: Inode, dentry: Dentry, wantsDirectory: boolean): number {
  const error = inodePermission(vfs, dir, MAY.WRITE | MAY.EXEC);
  if (error < 0) return error;
  const inode = inodeOf(dentry);
  if (isSticky(vfs, dir, inode))
    return vfs.core.lsm.deniedByDac('the directory is sticky and the file another user’s', EPERM);
  const directory = isDirectory(inode.s.i_mode);
  if (wantsDirectory && !directory) return -ENOTDIR;
  if (wantsDirectory && dentry.isRoot) return -EBUSY;
  if (!wantsDirectory && directory) return -EISDIR;
  return dir.dead ? -ENOENT : 0;
}

/** rename(2): renameat2(2) without flags. */
export function rename(vfs: Vfs, from: string, to: string): number {
  const old = new Walk(vfs, vfs.current).parent(from);
  if (typeof old === 'number') return old;
  const next = new Walk(vfs, vfs.current).parent(to);
  if (typeof next === 'number') return next;
  if (old.dir.mnt !== next.dir.mnt) return -EXDEV;
  if (old.type !== 'norm' || next.type !== 'norm') return -EBUSY;
  const source = lookup(old.dir.dentry, old.last);
  if (typeof source === 'number') return source;
  const target = lookupForCreate(vfs, next.dir.dentry, next.last);
  if (typeof target === 'number') return target;
  source.get();
  const result = renameTo(vfs, old, source, next, target);
  source.put();
  target.put();
  return result;
}

function renameTo(vfs: Vfs, old: Parent, source: Dentry, next: Parent, target: Dentry): number {
  const directory = isDirectory(inodeOf(source).s.i_mode);
  if (!directory && (old.trailing || next.trailing)) return -ENOTDIR;
  if (source === next.dir.dentry || isAncestor(source, next.dir.dentry)) return -EINVAL;
  if (target === old.dir.dentry || isAncestor(target, old.dir.dentry)) return -ENOTEMPTY;
  const refused = onPath(vfs, old.dir, (from) =>
    onPath(vfs, next.dir, (to) =>
      vfs.hooks.path_rename.call(from, source.addr, to, target.addr, 0),
    ),
  );
  return refused < 0 ? refused : vfsRename(vfs, old.dir.dentry, source, next, target, directory);
}

/** vfs_rename(). */
function vfsRename(
  vfs: Vfs,
  oldDir: Dentry,
  source: Dentry,
  next: Parent,
  target: Dentry,
  directory: boolean,
): number {
  const newDir = next.dir.dentry;
  const from = inodeOf(oldDir);
  const to = inodeOf(newDir);
  if (source.inode === target.inode) return 0;
  let error = mayDelete(vfs, from, source, directory);
  if (error >= 0)
    error = target.inode === undefined ? mayCreate(vfs, to) : mayDelete(vfs, to, target, directory);
  // Moving a directory rewrites its `..`.
  if (error >= 0 && directory && oldDir !== newDir)
    error = inodePermission(vfs, inodeOf(source), MAY.WRITE);
  if (error >= 0) error = vfs.hooks.inode_rename.call(from.addr, source.addr, to.addr, target.addr);
  if (error >= 0 && target.children.size > 0) error = -ENOTEMPTY;
  if (error < 0) return error;
  replace(vfs, to, target);
  if (directory && oldDir !== newDir) {
    from.s.i_nlink -= 1;
    to.s.i_nlink += 1;
  }
  vfs.dentries.move(source, newDir, next.last);
  vfs.inodes.touch(inodeOf(source), ['i_ctime']);
  for (const dir of [from, to]) vfs.inodes.touch(dir, ['i_mtime', 'i_ctime']);
  return 0;
}

/** Takes away what the new name stood for. */
function replace(vfs: Vfs, dir: Inode, target: Dentry): void {
  const { inode } = target;
  if (inode === undefined) return;
  if (isDirectory(inode.s.i_mode)) removeDirectory(vfs, dir, target);
  else {
    inode.s.i_nlink -= 1;
    vfs.inodes.touch(inode, ['i_ctime']);
    vfs.dentries.unhash(target);
  }
}

function isAncestor(ancestor: Dentry, dentry: Dentry): boolean {
  for (let at = dentry; !at.isRoot; at = at.parent) if (at.parent === ancestor) return true;
  return false;
}
