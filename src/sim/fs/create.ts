import { ERRNO } from '../../abi/index.ts';
import type { Dentry } from './dentry.ts';
import { MAY, S, isDirectory } from './flags.ts';
import type { FileOps, Inode } from './inode.ts';
import type { Path } from './mount.ts';
import { onPath } from './path.ts';
import { capableFor, inodePermission, mayLink } from './permission.ts';
import { directoryOps, regularOps, symlinkOps } from './ops.ts';
import type { Vfs } from './vfs.ts';
import { Walk, inodeOf, lookupForCreate, userPath } from './walk.ts';

const { EEXIST, ENOENT, ENOSPC, EPERM, EXDEV } = ERRNO;
/** Room for what inode_init_security fills before 6.6: a name, a value, a length. */
const XATTR_BYTES = 32;

/** Puts a new name there: given its directory and negative dentry, does it and returns 0 or a negative errno. */
type Make = (path: Path, dentry: Dentry) => number;

/** filename_create() and what follows: finds the place, lets `make` fill it, drops what stayed empty. */
function create(vfs: Vfs, name: string, directory: boolean, make: Make): number {
  const parent = new Walk(vfs, vfs.current).parent(name);
  if (typeof parent === 'number') return parent;
  if (parent.type !== 'norm') return -EEXIST;
  const dentry = lookupForCreate(vfs, parent.dir.dentry, parent.last);
  if (typeof dentry === 'number') return dentry;
  const result =
    dentry.inode !== undefined
      ? -EEXIST
      : // Only directories may be named with a slash behind.
        parent.trailing && !directory
        ? -ENOENT
        : make(parent.dir, dentry);
  dentry.put();
  return result;
}

/** mkdir(2). */
export function mkdir(vfs: Vfs, name: string, requested: number): number {
  return create(vfs, name, true, (path, dentry) => {
    const dir = inodeOf(path.dentry);
    const mode = prepareMode(vfs, dir, requested & (S.IRWXUGO | S.ISVTX), 0);
    const named = umasked(vfs, requested) & 0xffff;
    let error = onPath(vfs, path, (at) => vfs.hooks.path_mkdir.call(at, dentry.addr, named));
    if (error < 0) return error;
    error = mayCreate(vfs, dir);
    if (error < 0) return error;
    error = vfs.hooks.inode_mkdir.call(dir.addr, dentry.addr, mode);
    return error < 0 ? error : fill(vfs, path.dentry, dentry, S.IFDIR | mode);
  });
}

/** symlink(2). */
export function symlink(vfs: Vfs, target: string, name: string): number {
  if (target === '') return -ENOENT;
  return create(vfs, name, false, (path, dentry) => {
    const { mem } = vfs.core;
    const dir = inodeOf(path.dentry);
    const text = mem.allocString(target);
    let error = onPath(vfs, path, (at) => vfs.hooks.path_symlink.call(at, dentry.addr, text));
    if (error >= 0) error = mayCreate(vfs, dir);
    if (error >= 0) error = vfs.hooks.inode_symlink.call(dir.addr, dentry.addr, text);
    if (error >= 0) error = fill(vfs, path.dentry, dentry, S.IFLNK | 0o777, target);
    mem.free(text);
    return error;
  });
}

/** link(2): does not follow a symbolic link at the end of `from`. */
export function link(vfs: Vfs, from: string, to: string): number {
  const old = userPath(vfs, from, false);
  if (typeof old === 'number') return old;
  return create(vfs, to, false, (path, dentry) => {
    if (old.mnt !== path.mnt) return -EXDEV;
    let error = mayLink(vfs, inodeOf(old.dentry));
    if (error < 0) return error;
    error = onPath(vfs, path, (at) => vfs.hooks.path_link.call(old.dentry.addr, at, dentry.addr));
    if (error < 0) return error;
    const dir = inodeOf(path.dentry);
    const inode = inodeOf(old.dentry);
    error = mayCreate(vfs, dir);
    if (error < 0) return error;
    if (isDirectory(inode.s.i_mode))
      return vfs.core.lsm.deniedByDac('directories have no hard links', EPERM);
    error = vfs.hooks.inode_link.call(old.dentry.addr, dir.addr, dentry.addr);
    if (error < 0) return error;
    if (inode.s.i_nlink === 0) return -ENOENT;
    inode.s.i_nlink += 1;
    vfs.inodes.touch(inode, ['i_ctime']);
    vfs.inodes.touch(dir, ['i_mtime', 'i_ctime']);
    instantiate(vfs, dentry, inode.get());
    return 0;
  });
}

/** may_create(): the directory lives and may be written to. */
export function mayCreate(vfs: Vfs, dir: Inode): number {
  if (dir.dead) return -ENOENT;
  return inodePermission(vfs, dir, MAY.WRITE | MAY.EXEC);
}

/** may_o_create(): what open(2) asks before it makes a file. */
export function mayOpenCreate(vfs: Vfs, parent: Path, dentry: Dentry, mode: number): number {
  const dir = inodeOf(parent.dentry);
  let error = onPath(vfs, parent, (at) => vfs.hooks.path_mknod.call(at, dentry.addr, mode, 0));
  if (error >= 0) error = inodePermission(vfs, dir, MAY.WRITE | MAY.EXEC);
  return error < 0 ? error : vfs.hooks.inode_create.call(dir.addr, dentry.addr, mode);
}

/** The file system's part of creating: an inode under the name. @returns 0 or a negative errno. */
export function fill(
  vfs: Vfs,
  parent: Dentry,
  dentry: Dentry,
  mode: number,
  target = '',
  ops: FileOps = opsOf(mode),
  rdev = 0,
): number {
  const dir = inodeOf(parent);
  const inherits = (dir.s.i_mode & S.ISGID) !== 0;
  const inode = vfs.inodes.make(dir.sb, {
    mode: inherits && isDirectory(mode) ? mode | S.ISGID : mode,
    uid: vfs.cred.fsuid,
    gid: inherits ? dir.s.i_gid : vfs.cred.fsgid,
    ops,
    rdev,
  });
  if (inode === undefined) return -ENOSPC;
  const error = initSecurity(vfs, inode, dir, dentry);
  if (error < 0) {
    inode.put();
    return error;
  }
  if (target !== '') {
    inode.link = target;
    inode.s.i_size = new TextEncoder().encode(target).length;
  }
  if (isDirectory(mode)) {
    inode.s.i_nlink = 2;
    dir.s.i_nlink += 1;
  }
  vfs.inodes.touch(dir, ['i_mtime', 'i_ctime']);
  instantiate(vfs, dentry, inode);
  return 0;
}

function opsOf(mode: number): FileOps {
  if (isDirectory(mode)) return directoryOps;
  return (mode & S.IFMT) === S.IFLNK ? symlinkOps : regularOps;
}

/** d_instantiate(). Takes over the reference to the inode. */
export function instantiate(vfs: Vfs, dentry: Dentry, inode: Inode): void {
  vfs.hooks.d_instantiate.call(dentry.addr, inode.addr);
  vfs.dentries.instantiate(dentry, inode);
  vfs.dentries.hash(dentry);
}

/** security_inode_init_security(): since 6.6 asked only when an LSM keeps xattrs, and none here does. */
function initSecurity(vfs: Vfs, inode: Inode, dir: Inode, dentry: Dentry): number {
  if (vfs.core.version >= 6006) return 0;
  const { mem, structs } = vfs.core;
  const room = mem.alloc(XATTR_BYTES);
  const name = structs.dentry.fields.d_name.at(dentry.addr);
  const error = vfs.hooks.inode_init_security.call(
    inode.addr,
    dir.addr,
    name,
    room,
    room + 8,
    room + 16,
  );
  mem.free(room);
  return error;
}

/** vfs_prepare_mode(): the umask, and no set-group-id for those outside the directory's group. */
export function prepareMode(vfs: Vfs, dir: Inode, mode: number, type: number): number {
  return type | umasked(vfs, stripSgid(vfs, dir, mode));
}

const umasked = (vfs: Vfs, mode: number): number => mode & ~vfs.current.fs.s.umask;

function stripSgid(vfs: Vfs, dir: Inode, mode: number): number {
  const both = S.ISGID | S.IXGRP;
  if ((mode & both) !== both || (dir.s.i_mode & S.ISGID) === 0) return mode;
  if (vfs.tasks.creds.inGroup(vfs.cred, dir.s.i_gid)) return mode;
  return capableFor(vfs, dir, 'FSETID') ? mode : mode & ~S.ISGID;
}
