import { CAP, ERRNO } from '../../abi/index.ts';
import { MAY, S, isDirectory, isType } from './flags.ts';
import type { Inode } from './inode.ts';
import type { Path } from './mount.ts';
import type { Vfs } from './vfs.ts';

const { EACCES, EPERM } = ERRNO;
const CHECKED = MAY.READ | MAY.WRITE | MAY.EXEC;

/**
 * inode_permission(): the mode bits, then capabilities, then the LSMs.
 * @returns 0 or a negative errno.
 */
export function inodePermission(vfs: Vfs, inode: Inode, mask: number): number {
  const dac = genericPermission(vfs, inode, mask);
  if (dac < 0) return dac;
  return vfs.hooks.inode_permission.call(inode.addr, mask);
}

/** generic_permission(): DAC alone; a refusal is recorded. */
export function genericPermission(vfs: Vfs, inode: Inode, mask: number): number {
  const wanted = mask & CHECKED;
  const { granted, whose } = grantedBits(vfs, inode);
  if ((wanted & ~granted) === 0) return 0;
  if (overrides(vfs, inode, wanted)) return 0;
  const { lsm } = vfs.core;
  const { i_mode, i_uid, i_gid } = inode.s;
  const mode = `0${(i_mode & S.IALLUGO).toString(8)}`;
  const rule = `mode ${mode} of ${i_uid}:${i_gid} grants ${whose} no ${maskText(wanted & ~granted)}`;
  return lsm.deniedByDac(rule, EACCES);
}

/** acl_permission_check() without ACLs: the owner's bits, else the group's, else the others'. */
function grantedBits(vfs: Vfs, inode: Inode): { granted: number; whose: string } {
  const { cred } = vfs;
  const mode = inode.s.i_mode;
  if (cred.fsuid === inode.s.i_uid) return { granted: (mode >> 6) & 7, whose: 'its owner' };
  if (vfs.tasks.creds.inGroup(cred, inode.s.i_gid))
    return { granted: (mode >> 3) & 7, whose: 'its group' };
  return { granted: mode & 7, whose: 'others' };
}

function overrides(vfs: Vfs, inode: Inode, wanted: number): boolean {
  if (isDirectory(inode.s.i_mode)) {
    if ((wanted & MAY.WRITE) === 0 && capableFor(vfs, inode, 'DAC_READ_SEARCH')) return true;
    return capableFor(vfs, inode, 'DAC_OVERRIDE');
  }
  if (wanted === MAY.READ && capableFor(vfs, inode, 'DAC_READ_SEARCH')) return true;
  const executable = (wanted & MAY.EXEC) === 0 || (inode.s.i_mode & S.IXUGO) !== 0;
  return executable && capableFor(vfs, inode, 'DAC_OVERRIDE');
}

const maskText = (mask: number): string =>
  [
    [MAY.READ, 'read'],
    [MAY.WRITE, 'write'],
    [MAY.EXEC, 'execute'],
  ]
    .filter(([bit]) => (mask & Number(bit)) !== 0)
    .map(([, text]) => text)
    .join(' and ');

/** capable_wrt_inode_uidgid(): every id is mapped in the one user namespace there is. */
export function capableFor(vfs: Vfs, _inode: Inode, cap: keyof typeof CAP): boolean {
  return vfs.current.capable(CAP[cap]);
}

/** inode_owner_or_capable(). */
export const ownerOrCapable = (vfs: Vfs, inode: Inode): boolean =>
  vfs.cred.fsuid === inode.s.i_uid || capableFor(vfs, inode, 'FOWNER');

/** check_sticky(): in a sticky directory only its owner, the file's owner and CAP_FOWNER may remove. */
export function isSticky(vfs: Vfs, dir: Inode, inode: Inode): boolean {
  if ((dir.s.i_mode & S.ISVTX) === 0) return false;
  const { fsuid } = vfs.cred;
  if (fsuid === inode.s.i_uid || fsuid === dir.s.i_uid) return false;
  return !capableFor(vfs, inode, 'FOWNER');
}

/**
 * may_linkat() with fs.protected_hardlinks 1, as distributions set it: links to files of others are for those who may
 * read and write them, and for none that are special or change ids.
 */
export function mayLink(vfs: Vfs, inode: Inode): number {
  const { i_mode } = inode.s;
  const setsGroup = (i_mode & (S.ISGID | S.IXGRP)) === (S.ISGID | S.IXGRP);
  const plain = isRegular(inode) && (i_mode & S.ISUID) === 0 && !setsGroup;
  if (plain && mayReadAndWrite(vfs, inode)) return 0;
  if (ownerOrCapable(vfs, inode)) return 0;
  return vfs.core.lsm.deniedByDac('fs.protected_hardlinks', EPERM);
}

/** inode_permission() as a question: a no is none to the caller. */
function mayReadAndWrite(vfs: Vfs, inode: Inode): boolean {
  const mask = MAY.READ | MAY.WRITE;
  const granted = (mask & ~grantedBits(vfs, inode).granted) === 0 || overrides(vfs, inode, mask);
  return granted && vfs.hooks.inode_permission.call(inode.addr, mask) === 0;
}

/** path_noexec(). */
export const pathNoexec = (path: Path): boolean => (path.mnt.v.mnt_flags & 0x04) !== 0;

/** get_write_access(): fails while the file executes. */
export function getWriteAccess(inode: Inode): boolean {
  if (inode.s.i_writecount < 0) return false;
  inode.s.i_writecount += 1;
  return true;
}

export const isRegular = (inode: Inode): boolean => isType(inode.s.i_mode, S.IFREG);
