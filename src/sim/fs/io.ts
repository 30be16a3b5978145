import { ERRNO } from '../../abi/index.ts';
import { notifyChange, removesPrivs } from './attr.ts';
import type { File } from './file.ts';
import { ATTR, FMODE, MAY, O, S } from './flags.ts';
import type { Vfs } from './vfs.ts';

const { EBADF } = ERRNO;

/** vfs_read(). @returns bytes read or a negative errno. */
export function readFile(vfs: Vfs, file: File, into: Uint8Array): number {
  if ((file.s.f_mode & FMODE.READ) === 0) return -EBADF;
  const error = vfs.hooks.file_permission.call(file.addr, MAY.READ);
  return error < 0 ? error : file.ops.read(file, into);
}

/** vfs_write(). @returns bytes written or a negative errno. */
export function writeFile(vfs: Vfs, file: File, data: Uint8Array): number {
  if ((file.s.f_mode & FMODE.WRITE) === 0) return -EBADF;
  const error = vfs.hooks.file_permission.call(file.addr, MAY.WRITE);
  if (error < 0) return error;
  const { inode } = file;
  if ((inode.s.i_mode & S.IFMT) !== S.IFREG || data.length === 0) return file.ops.write(file, data);
  if ((file.s.f_flags & O.APPEND) !== 0) file.s.f_pos = inode.s.i_size;
  const kills = file.path === undefined ? 0 : removesPrivs(vfs, inode);
  if (kills !== 0 && file.path !== undefined) {
    const stripped = notifyChange(vfs, file.path.dentry, { valid: ATTR.FORCE | kills });
    if (stripped < 0) return stripped;
  }
  const written = file.ops.write(file, data);
  if (written > 0) vfs.inodes.touch(inode, ['i_mtime', 'i_ctime']);
  return written;
}
