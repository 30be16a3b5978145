import { ERRNO } from '../../abi/index.ts';
import { doTruncate } from './attr.ts';
import { fill, mayOpenCreate, prepareMode } from './create.ts';
import type { File } from './file.ts';
import { ATTR, FMODE, MAY, O, S, isDirectory, isType } from './flags.ts';
import type { Path } from './mount.ts';
import {
  getWriteAccess,
  inodePermission,
  isRegular,
  ownerOrCapable,
  pathNoexec,
} from './permission.ts';
import type { Vfs } from './vfs.ts';
import { Walk, inodeOf, lookup, lookupForCreate, type Parent } from './walk.ts';

const { EACCES, EEXIST, EINVAL, EISDIR, ELOOP, ENOENT, ENOTDIR, EOPNOTSUPP, EPERM, ETXTBSY } =
  ERRNO;

/** What open(2) takes; other bits are ignored. */
const VALID_FLAGS =
  O.ACCMODE |
  O.CREAT |
  O.EXCL |
  O.NOCTTY |
  O.TRUNC |
  O.APPEND |
  O.NONBLOCK |
  O.SYNC |
  O.ASYNC |
  O.DIRECT |
  O.LARGEFILE |
  O.DIRECTORY |
  O.NOFOLLOW |
  O.NOATIME |
  O.CLOEXEC |
  O.PATH |
  O.TMPFILE;
const O_PATH_FLAGS = O.DIRECTORY | O.NOFOLLOW | O.PATH | O.CLOEXEC;
/** `"\004\002\006\006"[flags & O_ACCMODE]`. */
const ACC_MODE = [MAY.READ, MAY.WRITE, MAY.READ | MAY.WRITE, MAY.READ | MAY.WRITE];
/** __FMODE_EXEC, as exec opens files. */
const FMODE_EXEC_FLAG = 0x20;

/** struct open_flags. */
interface OpenHow {
  readonly flags: number;
  readonly mode: number;
  readonly access: number;
}

/** open(2) up to the descriptor. @returns the file, or a negative errno. */
export function openFile(vfs: Vfs, name: string, flags: number, mode: number): File | number {
  const how = buildHow((flags & VALID_FLAGS) | O.LARGEFILE, mode & S.IALLUGO);
  return typeof how === 'number' ? how : open(vfs, name, how);
}

/** do_open_execat(): opens a file to execute it. */
export function openExec(vfs: Vfs, name: string): File | number {
  return open(vfs, name, { flags: O.LARGEFILE | FMODE_EXEC_FLAG, mode: 0, access: MAY.EXEC });
}

/** build_open_flags(). */
function buildHow(requested: number, requestedMode: number): OpenHow | number {
  let flags = requested;
  if ((flags & O.TMPFILE) === O.TMPFILE) return -EOPNOTSUPP;
  const creates = (flags & O.CREAT) !== 0;
  if ((flags & O.PATH) !== 0) return { flags: flags & O_PATH_FLAGS, mode: 0, access: 0 };
  if (creates && (flags & O.DIRECTORY) !== 0) return -EINVAL;
  let access = ACC_MODE[flags & O.ACCMODE] ?? 0;
  if ((flags & O.TRUNC) !== 0) access |= MAY.WRITE;
  if ((flags & O.APPEND) !== 0) access |= MAY.APPEND;
  if (creates && (flags & O.EXCL) !== 0) flags |= O.NOFOLLOW;
  return { flags, mode: creates ? requestedMode | S.IFREG : 0, access };
}

/** path_openat(). */
function open(vfs: Vfs, name: string, how: OpenHow): File | number {
  const file = vfs.files.alloc(how.flags, vfs.cred);
  if (typeof file === 'number') return file;
  const error = openInto(vfs, file, name, how);
  if (error >= 0) return file;
  file.put();
  return error;
}

function openInto(vfs: Vfs, file: File, name: string, how: OpenHow): number {
  const walk = new Walk(vfs, vfs.current);
  let parent = walk.parent(name);
  for (;;) {
    if (typeof parent === 'number') return parent;
    const path = lastComponent(vfs, walk, file, parent, how);
    if (typeof path === 'number') return path;
    const inode = inodeOf(path.dentry);
    const follows = (how.flags & O.NOFOLLOW) === 0 || parent.trailing;
    if (parent.type !== 'norm' || !isType(inode.s.i_mode, S.IFLNK) || !follows) {
      if (parent.trailing && !isDirectory(inode.s.i_mode)) return -ENOTDIR;
      return (how.flags & O.PATH) !== 0
        ? openPath(vfs, file, path, how)
        : doOpen(vfs, file, path, how);
    }
    const refused = walk.enterLink(path.dentry);
    if (refused < 0) return refused;
    const slashes: boolean = parent.trailing;
    parent = walk.parent(inode.link, parent.dir);
    if (typeof parent !== 'number' && slashes) parent = { ...parent, trailing: true };
  }
}

/** open_last_lookups() and lookup_open(): finds the file or makes it. */
function lastComponent(
  vfs: Vfs,
  walk: Walk,
  file: File,
  parent: Parent,
  how: OpenHow,
): Path | number {
  const { dir } = parent;
  if (parent.type !== 'norm') return walk.step(parent, false);
  if ((how.flags & O.CREAT) === 0) {
    const dentry = lookup(dir.dentry, parent.last);
    return typeof dentry === 'number' ? dentry : { mnt: dir.mnt, dentry };
  }
  if (parent.trailing) return -EISDIR;
  if (inodeOf(dir.dentry).dead) return -ENOENT;
  const dentry = lookupForCreate(vfs, dir.dentry, parent.last);
  if (typeof dentry === 'number') return dentry;
  let error = 0;
  if (dentry.inode === undefined) {
    const mode = prepareMode(vfs, inodeOf(dir.dentry), how.mode & ~S.IFMT, S.IFREG);
    error = mayOpenCreate(vfs, dir, dentry, mode);
    if (error >= 0) {
      file.s.f_mode |= FMODE.CREATED;
      error = fill(vfs, dir.dentry, dentry, mode);
    }
  }
  dentry.put();
  return error < 0 ? error : { mnt: dir.mnt, dentry };
}

/** do_open(): the last checks, the LSMs, and truncation. */
function doOpen(vfs: Vfs, file: File, path: Path, how: OpenHow): number {
  const inode = inodeOf(path.dentry);
  const created = (file.s.f_mode & FMODE.CREATED) !== 0;
  const directory = isDirectory(inode.s.i_mode);
  if ((how.flags & O.CREAT) !== 0) {
    if ((how.flags & O.EXCL) !== 0 && !created) return -EEXIST;
    if (directory) return -EISDIR;
  }
  if ((how.flags & O.DIRECTORY) !== 0 && !directory) return -ENOTDIR;
  const access = created ? 0 : how.access;
  const truncates = !created && isRegular(inode) && (how.flags & O.TRUNC) !== 0;
  let error = mayOpen(vfs, path, access, how.flags);
  if (error >= 0) error = dentryOpen(vfs, file, path);
  if (error >= 0) error = vfs.hooks.file_post_open.call(file.addr, access);
  if (error >= 0 && truncates) error = truncateOpen(vfs, file, path);
  return error;
}

/** may_open(). */
function mayOpen(vfs: Vfs, path: Path, access: number, flags: number): number {
  const inode = inodeOf(path.dentry);
  const executes = (access & MAY.EXEC) !== 0;
  switch (inode.s.i_mode & S.IFMT) {
    case S.IFLNK:
      return -ELOOP;
    case S.IFDIR:
      if ((access & MAY.WRITE) !== 0) return -EISDIR;
      if (executes) return -EACCES;
      break;
    case S.IFREG:
      if (executes && pathNoexec(path))
        return vfs.core.lsm.deniedByDac('the mount is noexec', EACCES);
      break;
    default:
      if (executes) return -EACCES;
  }
  const error = inodePermission(vfs, inode, MAY.OPEN | access);
  if (error < 0) return error;
  if ((flags & O.NOATIME) !== 0 && !ownerOrCapable(vfs, inode))
    return vfs.core.lsm.deniedByDac('O_NOATIME is for the owner', EPERM);
  return 0;
}

/** do_dentry_open(). */
function dentryOpen(vfs: Vfs, file: File, path: Path): number {
  const inode = inodeOf(path.dentry);
  const writes = (file.s.f_mode & FMODE.WRITE) !== 0 && isRegular(inode);
  if (writes && !getWriteAccess(inode)) return -ETXTBSY;
  vfs.files.setPath(file, path);
  const error = vfs.hooks.file_open.call(file.addr);
  if (error < 0) {
    if (writes) inode.s.i_writecount -= 1;
    return error;
  }
  const reads = (file.s.f_mode & FMODE.READ) !== 0;
  file.s.f_mode |=
    FMODE.OPENED |
    FMODE.LSEEK |
    FMODE.PREAD |
    FMODE.PWRITE |
    (reads ? FMODE.CAN_READ : 0) |
    ((file.s.f_mode & FMODE.WRITE) !== 0 ? FMODE.CAN_WRITE : 0);
  file.s.f_flags &= ~(O.CREAT | O.EXCL | O.NOCTTY | O.TRUNC);
  return 0;
}

/** An O_PATH file names a place and no more: nobody is asked. */
function openPath(vfs: Vfs, file: File, path: Path, how: OpenHow): number {
  if ((how.flags & O.DIRECTORY) !== 0 && !isDirectory(inodeOf(path.dentry).s.i_mode))
    return -ENOTDIR;
  vfs.files.setPath(file, path);
  file.s.f_mode = FMODE.PATH | FMODE.OPENED;
  return 0;
}

/** handle_truncate(). */
function truncateOpen(vfs: Vfs, file: File, path: Path): number {
  const error = vfs.truncatesFiles
    ? vfs.hooks.file_truncate.call(file.addr)
    : vfs.hooks.path_truncate.call(file.pathAddr);
  if (error < 0) return error;
  const times = ATTR.MTIME | ATTR.CTIME | ATTR.OPEN;
  // The file was opened for writing if at all: O_RDONLY|O_TRUNC takes write access for the moment.
  return doTruncate(vfs, path.dentry, 0, times, file);
}
