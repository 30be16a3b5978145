import { FMODE as COMMON_FMODE, S as STAT } from '../../abi/index.ts';

export { MAY, O } from '../../abi/index.ts';

/** File types and permission bits of `i_mode`, with the kernel's names for groups of them (linux/stat.h). */
export const S = { ...STAT, IRWXUGO: 0o777, IXUGO: 0o111, IALLUGO: 0o7777 } as const;

/** Bits of `f_mode`, the same in all known kernels. */
export const FMODE = {
  ...COMMON_FMODE,
  PATH: 0x4000,
  CAN_READ: 0x20000,
  CAN_WRITE: 0x40000,
  OPENED: 0x80000,
  CREATED: 0x100000,
} as const;

/** Bits of `ia_valid` (include/linux/fs.h). */
export const ATTR = {
  MODE: 1 << 0,
  UID: 1 << 1,
  GID: 1 << 2,
  SIZE: 1 << 3,
  ATIME: 1 << 4,
  MTIME: 1 << 5,
  CTIME: 1 << 6,
  FORCE: 1 << 9,
  KILL_SUID: 1 << 11,
  KILL_SGID: 1 << 12,
  FILE: 1 << 13,
  KILL_PRIV: 1 << 14,
  OPEN: 1 << 15,
} as const;

export const isType = (mode: number, type: number): boolean => (mode & S.IFMT) === type;
export const isDirectory = (mode: number): boolean => isType(mode, S.IFDIR);
