import { ERRNO } from '../../abi/index.ts';
import type { FileLike, FileOps } from './inode.ts';

const { EFBIG, EINVAL, EISDIR } = ERRNO;

function read({ inode, s }: FileLike, into: Uint8Array): number {
  const left = Math.max(0, inode.s.i_size - s.f_pos);
  const count = Math.min(into.length, left);
  inode.pages.read(s.f_pos, into.subarray(0, count));
  s.f_pos += count;
  return count;
}

function write({ inode, s }: FileLike, data: Uint8Array): number {
  if (s.f_pos + data.length > inode.sb.s.s_maxbytes) return -EFBIG;
  inode.pages.write(s.f_pos, data);
  s.f_pos += data.length;
  inode.s.i_size = Math.max(inode.s.i_size, s.f_pos);
  return data.length;
}

export const regularOps: FileOps = { mappable: true, read, write };

export const directoryOps: FileOps = {
  mappable: false,
  read: () => -EISDIR,
  write: () => -EISDIR,
};

/** Never opened: opening follows the link. */
export const symlinkOps: FileOps = { mappable: false, read: () => -EINVAL, write: () => -EINVAL };

/** /dev/null. */
export const nullOps: FileOps = {
  mappable: false,
  read: () => 0,
  write: (_file, data) => data.length,
};
