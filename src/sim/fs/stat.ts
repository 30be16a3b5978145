import { ERRNO } from '../../abi/index.ts';
import { MAY, isDirectory } from './flags.ts';
import { MNT } from './mount.ts';
import { onPath } from './path.ts';
import { inodePermission, isRegular } from './permission.ts';
import type { Inode } from './inode.ts';
import type { Vfs } from './vfs.ts';
import { inodeOf, userPath } from './walk.ts';

const { EACCES, EFAULT, EINVAL, ENOMEM, ENOTDIR } = ERRNO;
const STAT_BYTES = 144;
const SECTOR = 512;

/** stat(2): fills x86-64's `struct stat`. */
export function stat(vfs: Vfs, name: string, into: Uint8Array): number {
  const path = userPath(vfs, name, true);
  if (typeof path === 'number') return path;
  const refused = onPath(vfs, path, (at) => vfs.hooks.inode_getattr.call(at));
  if (refused < 0) return refused;
  if (into.length < STAT_BYTES) return -EFAULT;
  writeStat(inodeOf(path.dentry), into);
  return 0;
}

function writeStat({ s, sb }: Inode, into: Uint8Array): void {
  const view = new DataView(into.buffer, into.byteOffset, STAT_BYTES);
  into.fill(0, 0, STAT_BYTES);
  const u64 = (at: number, value: number): void => {
    view.setUint32(at, value >>> 0, true);
    view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
  };
  u64(0, encodeDevice(sb.s.s_dev));
  u64(8, s.i_ino);
  u64(16, s.i_nlink);
  view.setUint32(24, s.i_mode, true);
  view.setUint32(28, s.i_uid, true);
  view.setUint32(32, s.i_gid, true);
  u64(40, encodeDevice(s.i_rdev));
  u64(48, s.i_size);
  u64(56, sb.s.s_blocksize);
  u64(64, (Math.ceil(s.i_size / sb.s.s_blocksize) * sb.s.s_blocksize) / SECTOR);
  for (const [at, time] of [
    [72, 'i_atime'],
    [88, 'i_mtime'],
    [104, 'i_ctime'],
  ] as const) {
    u64(at, s[time]);
    u64(at + 8, s[`${time}_nsec`]);
  }
}

/** new_encode_dev(): the kernel's 12+20 bits as user space has them. */
function encodeDevice(dev: number): number {
  const major = dev >>> 20;
  const minor = dev & 0xfffff;
  return (minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12);
}

/** access(2): as the real user, with the capabilities that its uid would have. */
export function access(vfs: Vfs, name: string, mode: number): number {
  if ((mode & ~7) !== 0) return -EINVAL;
  return asRealUser(vfs, () => {
    const path = userPath(vfs, name, true);
    if (typeof path === 'number') return path;
    const inode = inodeOf(path.dentry);
    if ((mode & MAY.EXEC) !== 0 && isRegular(inode) && path.mnt.has(MNT.NOEXEC))
      return vfs.core.lsm.deniedByDac('the mount is noexec', EACCES);
    return inodePermission(vfs, inode, mode | MAY.ACCESS);
  });
}

const SECURE_NO_SETUID_FIXUP = 4;

/** access_override_creds(): until 6.7 always with a copy of the cred, since then only if it would differ. */
function asRealUser(vfs: Vfs, act: () => number): number {
  const { creds } = vfs.tasks;
  const task = vfs.current;
  const { cred } = task;
  const fixes = (cred.securebits & SECURE_NO_SETUID_FIXUP) === 0;
  const permitted = creds.caps(cred, 'cap_permitted');
  const effective = cred.uid === 0 ? permitted : 0;
  const differs =
    cred.fsuid !== cred.uid ||
    cred.fsgid !== cred.gid ||
    (fixes && creds.caps(cred, 'cap_effective') !== effective);
  if (!differs && vfs.core.version >= 6007) return act();
  const override = creds.prepare(cred);
  if (override === undefined) return -ENOMEM;
  override.fsuid = cred.uid;
  override.fsgid = cred.gid;
  if (fixes) creds.setCaps(override, 'cap_effective', effective);
  task.s.cred = override.addr;
  const result = act();
  task.s.cred = cred.addr;
  creds.put(override);
  return result;
}

/** chdir(2). */
export function chdir(vfs: Vfs, name: string): number {
  const path = userPath(vfs, name, true);
  if (typeof path === 'number') return path;
  const inode = inodeOf(path.dentry);
  if (!isDirectory(inode.s.i_mode)) return -ENOTDIR;
  const error = inodePermission(vfs, inode, MAY.EXEC | MAY.CHDIR);
  if (error < 0) return error;
  vfs.current.fs.chdir(path);
  return 0;
}
