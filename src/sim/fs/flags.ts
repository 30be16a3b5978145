/** Open flags of x86-64 (include/uapi/asm-generic/fcntl.h). */
export const O = {
  RDONLY: 0,
  WRONLY: 1,
  RDWR: 2,
  ACCMODE: 3,
  CREAT: 0o100,
  EXCL: 0o200,
  NOCTTY: 0o400,
  TRUNC: 0o1000,
  APPEND: 0o2000,
  NONBLOCK: 0o4000,
  DSYNC: 0o10000,
  FASYNC: 0o20000,
  DIRECT: 0o40000,
  LARGEFILE: 0o100000,
  DIRECTORY: 0o200000,
  NOFOLLOW: 0o400000,
  NOATIME: 0o1000000,
  CLOEXEC: 0o2000000,
  SYNC: 0o4010000,
  PATH: 0o10000000,
  TMPFILE: 0o20200000,
} as const;

/** File types and permission bits of `i_mode`. */
export const S = {
  IFMT: 0o170000,
  IFSOCK: 0o140000,
  IFLNK: 0o120000,
  IFREG: 0o100000,
  IFBLK: 0o060000,
  IFDIR: 0o040000,
  IFCHR: 0o020000,
  IFIFO: 0o010000,
  ISUID: 0o4000,
  ISGID: 0o2000,
  ISVTX: 0o1000,
  IXGRP: 0o010,
  IRWXUGO: 0o777,
  IXUGO: 0o111,
  IALLUGO: 0o7777,
} as const;

/** What a permission check asks for (include/linux/fs.h). */
export const MAY = {
  EXEC: 0x1,
  WRITE: 0x2,
  READ: 0x4,
  APPEND: 0x8,
  ACCESS: 0x10,
  OPEN: 0x20,
  CHDIR: 0x40,
  NOT_BLOCK: 0x80,
} as const;

/** Bits of `f_mode`. */
export const FMODE = {
  READ: 0x1,
  WRITE: 0x2,
  LSEEK: 0x4,
  PREAD: 0x8,
  PWRITE: 0x10,
  EXEC: 0x20,
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
