import { ERRNO } from '../../abi/index.ts';
import type { Struct } from '../mem/structs.ts';
import type { Dentry } from './dentry.ts';
import type { File } from './file.ts';
import { ATTR, MAY, S, isDirectory } from './flags.ts';
import type { Inode } from './inode.ts';
import { onPath } from './path.ts';
import {
  capableFor,
  getWriteAccess,
  inodePermission,
  isRegular,
  ownerOrCapable,
} from './permission.ts';
import type { Vfs } from './vfs.ts';
import { inodeOf, userPath } from './walk.ts';

const { EFBIG, EINVAL, EISDIR, EPERM, ETXTBSY } = ERRNO;
const NO_ID = 0xffffffff;

interface NewAttr {
  readonly valid: number;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly size?: number;
  readonly file?: File;
}

/**
 * notify_change(): asks the LSMs, and only then whether the task owns the inode: that check is the file system's
 * (setattr_prepare), so a policy also sees what will be refused.
 */
export function notifyChange(vfs: Vfs, dentry: Dentry, change: NewAttr): number {
  const inode = inodeOf(dentry);
  const attr = vfs.core.structs.iattr.alloc();
  fillAttr(attr, inode, change);
  const { inode_setattr, inode_post_setattr } = vfs.hooks;
  let error = vfs.passesIdmap
    ? inode_setattr.call(0, dentry.addr, attr.addr)
    : inode_setattr.call(dentry.addr, attr.addr);
  if (error >= 0) error = setattrPrepare(vfs, inode, attr);
  if (error >= 0) {
    copyAttr(vfs, inode, attr);
    inode_post_setattr.call(0, dentry.addr, attr.ia_valid);
  }
  vfs.core.mem.free(attr.addr);
  return error;
}

/** The attributes as hooks see them; ATTR_KILL_SUID and its like have become a new mode by then. */
function fillAttr(attr: Struct<'iattr'>, inode: Inode, change: NewAttr): void {
  const { i_mode } = inode.s;
  let valid = change.valid;
  let mode = change.mode ?? 0;
  const killsUid = (valid & ATTR.KILL_SUID) !== 0 && (i_mode & S.ISUID) !== 0;
  const killsGid =
    (valid & ATTR.KILL_SGID) !== 0 && (i_mode & (S.ISGID | S.IXGRP)) === (S.ISGID | S.IXGRP);
  valid &= ~(ATTR.KILL_SUID | ATTR.KILL_SGID | ATTR.KILL_PRIV);
  if (killsUid || killsGid) {
    valid |= ATTR.MODE;
    mode = i_mode & ~(killsUid ? S.ISUID : 0) & ~(killsGid ? S.ISGID : 0);
  }
  attr.ia_valid = valid;
  attr.ia_mode = mode;
  attr.ia_uid = change.uid ?? NO_ID;
  attr.ia_gid = change.gid ?? NO_ID;
  attr.ia_size = change.size ?? 0;
  attr.ia_file = change.file?.addr ?? 0;
}

/** setattr_prepare(): what DAC says. */
function setattrPrepare(vfs: Vfs, inode: Inode, attr: Struct<'iattr'>): number {
  const valid = attr.ia_valid;
  const { lsm } = vfs.core;
  if ((valid & ATTR.SIZE) !== 0 && attr.ia_size > inode.sb.s.s_maxbytes) return -EFBIG;
  if ((valid & ATTR.FORCE) !== 0) return 0;
  if ((valid & ATTR.UID) !== 0 && !chownOk(vfs, inode, attr.ia_uid))
    return lsm.deniedByDac('only CAP_CHOWN gives files to others', EPERM);
  if ((valid & ATTR.GID) !== 0 && !chgrpOk(vfs, inode, attr.ia_gid))
    return lsm.deniedByDac('owners give files to their own groups only', EPERM);
  if ((valid & ATTR.MODE) === 0) return 0;
  if (!ownerOrCapable(vfs, inode))
    return lsm.deniedByDac(`the file belongs to uid ${inode.s.i_uid}`, EPERM);
  const gid = (valid & ATTR.GID) !== 0 ? attr.ia_gid : inode.s.i_gid;
  const member = vfs.tasks.creds.inGroup(vfs.cred, gid);
  if (!member && !capableFor(vfs, inode, 'FSETID')) attr.ia_mode &= ~S.ISGID;
  return 0;
}

const chownOk = (vfs: Vfs, inode: Inode, uid: number): boolean =>
  (vfs.cred.fsuid === inode.s.i_uid && uid === inode.s.i_uid) || capableFor(vfs, inode, 'CHOWN');

const chgrpOk = (vfs: Vfs, inode: Inode, gid: number): boolean =>
  (vfs.cred.fsuid === inode.s.i_uid &&
    (gid === inode.s.i_gid || vfs.tasks.creds.inGroup(vfs.cred, gid))) ||
  capableFor(vfs, inode, 'CHOWN');

/** setattr_copy(), and simple_setattr() for the size. */
function copyAttr(vfs: Vfs, inode: Inode, attr: Struct<'iattr'>): void {
  const valid = attr.ia_valid;
  if ((valid & ATTR.SIZE) !== 0) inode.truncate(attr.ia_size);
  if ((valid & ATTR.UID) !== 0) inode.s.i_uid = attr.ia_uid;
  if ((valid & ATTR.GID) !== 0) inode.s.i_gid = attr.ia_gid;
  if ((valid & ATTR.MODE) !== 0)
    inode.s.i_mode = (inode.s.i_mode & S.IFMT) | (attr.ia_mode & S.IALLUGO);
  vfs.inodes.touch(inode, (valid & ATTR.MTIME) !== 0 ? ['i_mtime', 'i_ctime'] : ['i_ctime']);
}

/** do_truncate(). `times` are further bits of ia_valid. */
export function doTruncate(
  vfs: Vfs,
  dentry: Dentry,
  size: number,
  times: number,
  file?: File,
): number {
  const kills = removesPrivs(vfs, inodeOf(dentry));
  const valid = ATTR.SIZE | times | kills | (file === undefined ? 0 : ATTR.FILE);
  // Capabilities decided already whether the bits go; ownership has no say in it.
  const force = kills === 0 ? 0 : ATTR.FORCE;
  return notifyChange(vfs, dentry, { valid: valid | force, size, ...(file && { file }) });
}

/** dentry_needs_remove_privs(): who writes to a set-user-id program without CAP_FSETID takes the bit off. */
export function removesPrivs(vfs: Vfs, inode: Inode): number {
  const { i_mode } = inode.s;
  const both = S.ISGID | S.IXGRP;
  const kills =
    ((i_mode & S.ISUID) !== 0 ? ATTR.KILL_SUID : 0) |
    ((i_mode & both) === both ? ATTR.KILL_SGID : 0);
  if (kills === 0 || !isRegular(inode) || capableFor(vfs, inode, 'FSETID')) return 0;
  return kills;
}

/** truncate(2). `size` in bytes. */
export function truncate(vfs: Vfs, name: string, size: number): number {
  if (size < 0) return -EINVAL;
  const path = userPath(vfs, name, true);
  if (typeof path === 'number') return path;
  const inode = inodeOf(path.dentry);
  if (isDirectory(inode.s.i_mode)) return -EISDIR;
  if (!isRegular(inode)) return -EINVAL;
  const error = inodePermission(vfs, inode, MAY.WRITE);
  if (error < 0) return error;
  if (!getWriteAccess(inode)) return -ETXTBSY;
  const refused = onPath(vfs, path, (at) => vfs.hooks.path_truncate.call(at));
  const result = refused < 0 ? refused : doTruncate(vfs, path.dentry, size, 0);
  inode.s.i_writecount -= 1;
  return result;
}

/** ftruncate(2) on a file that is open for writing. */
export function ftruncate(vfs: Vfs, file: File, size: number): number {
  if (file.path === undefined || !isRegular(file.inode) || (file.s.f_mode & 2) === 0)
    return -EINVAL;
  const error = vfs.truncatesFiles
    ? vfs.hooks.file_truncate.call(file.addr)
    : vfs.hooks.path_truncate.call(file.pathAddr);
  if (error < 0) return error;
  return doTruncate(vfs, file.path.dentry, size, ATTR.MTIME | ATTR.CTIME, file);
}

/** chmod(2). */
export function chmod(vfs: Vfs, name: string, mode: number): number {
  const path = userPath(vfs, name, true);
  if (typeof path === 'number') return path;
  const refused = onPath(vfs, path, (at) => vfs.hooks.path_chmod.call(at, mode & 0xffff));
  if (refused < 0) return refused;
  const { i_mode } = inodeOf(path.dentry).s;
  return notifyChange(vfs, path.dentry, {
    valid: ATTR.MODE | ATTR.CTIME,
    mode: (mode & S.IALLUGO) | (i_mode & ~S.IALLUGO),
  });
}

/** chown(2): -1 leaves an id as it is. */
export function chown(vfs: Vfs, name: string, uid: number, gid: number): number {
  const path = userPath(vfs, name, true);
  if (typeof path === 'number') return path;
  const inode = inodeOf(path.dentry);
  const refused = onPath(vfs, path, (at) => vfs.hooks.path_chown.call(at, uid >>> 0, gid >>> 0));
  if (refused < 0) return refused;
  const kills = isDirectory(inode.s.i_mode) ? 0 : ATTR.KILL_SUID | ATTR.KILL_SGID | ATTR.KILL_PRIV;
  const owner = uid === -1 ? 0 : ATTR.UID;
  const group = gid === -1 ? 0 : ATTR.GID;
  return notifyChange(vfs, path.dentry, {
    valid: ATTR.CTIME | owner | group | kills,
    uid: uid >>> 0,
    gid: gid >>> 0,
  });
}
