import { ERRNO } from '../../abi/index.ts';
import type { Syscalls } from '../../kernel/syscalls.ts';
import { chmod, chown, ftruncate, truncate } from '../fs/attr.ts';
import { link, mkdir, symlink } from '../fs/create.ts';
import { pathText } from '../fs/dpath.ts';
import type { File } from '../fs/file.ts';
import { FMODE, O } from '../fs/flags.ts';
import { readFile, writeFile } from '../fs/io.ts';
import { openFile } from '../fs/open.ts';
import { rename, rmdir, unlink } from '../fs/remove.ts';
import { access, chdir, stat } from '../fs/stat.ts';
import type { Call, CallContext } from './context.ts';

const { EBADF, EINVAL } = ERRNO;

type FileCall =
  | 'open'
  | 'creat'
  | 'close'
  | 'read'
  | 'write'
  | 'truncate'
  | 'ftruncate'
  | 'unlink'
  | 'rmdir'
  | 'mkdir'
  | 'link'
  | 'symlink'
  | 'rename'
  | 'chmod'
  | 'chown'
  | 'access'
  | 'chdir'
  | 'stat'
  | 'dup';

const named = (_context: CallContext, path: string): string => path;
const both = (_context: CallContext, from: string, to: string): string => `${from} -> ${to}`;

/** The path that a descriptor stands for. */
export function ofFd({ vfs, task }: CallContext, fd: number): string {
  const dentry = task.files.get(fd)?.path?.dentry;
  return dentry === undefined ? `fd ${fd}` : pathText(vfs, dentry);
}

/** The file behind a descriptor that is more than a name (O_PATH). */
export function fileOf({ task }: CallContext, fd: number): File | undefined {
  const file = task.files.get(fd);
  return file === undefined || (file.s.f_mode & FMODE.PATH) !== 0 ? undefined : file;
}

function open(context: CallContext, path: string, flags: number, mode: number): number {
  const { task, vfs } = context;
  const free = task.files.free();
  if (free < 0) return free;
  const file = openFile(vfs, path, flags, mode);
  return typeof file === 'number' ? file : task.files.install(file, (flags & O.CLOEXEC) !== 0);
}

export const FILE_CALLS: { readonly [N in FileCall]: Call<Parameters<Syscalls[N]>> } = {
  open: {
    object: named,
    run: (context, path, flags, mode = 0) => open(context, path, flags, mode),
  },
  creat: {
    object: named,
    run: (context, path, mode) => open(context, path, O.CREAT | O.WRONLY | O.TRUNC, mode),
  },
  close: { object: ofFd, run: ({ task }, fd) => task.files.close(fd) },
  read: {
    object: ofFd,
    run(context, fd, buffer) {
      const file = fileOf(context, fd);
      return file === undefined ? -EBADF : readFile(context.vfs, file, buffer);
    },
  },
  write: {
    object: ofFd,
    run(context, fd, data) {
      const file = fileOf(context, fd);
      return file === undefined ? -EBADF : writeFile(context.vfs, file, data);
    },
  },
  truncate: { object: named, run: ({ vfs }, path, length) => truncate(vfs, path, length) },
  ftruncate: {
    object: ofFd,
    run(context, fd, length) {
      if (length < 0) return -EINVAL;
      const file = fileOf(context, fd);
      return file === undefined ? -EBADF : ftruncate(context.vfs, file, length);
    },
  },
  unlink: { object: named, run: ({ vfs }, path) => unlink(vfs, path) },
  rmdir: { object: named, run: ({ vfs }, path) => rmdir(vfs, path) },
  mkdir: { object: named, run: ({ vfs }, path, mode) => mkdir(vfs, path, mode) },
  link: { object: both, run: ({ vfs }, from, to) => link(vfs, from, to) },
  symlink: {
    object: (_context, _target, path) => path,
    run: ({ vfs }, target, path) => symlink(vfs, target, path),
  },
  rename: { object: both, run: ({ vfs }, from, to) => rename(vfs, from, to) },
  chmod: { object: named, run: ({ vfs }, path, mode) => chmod(vfs, path, mode) },
  chown: { object: named, run: ({ vfs }, path, uid, gid) => chown(vfs, path, uid | 0, gid | 0) },
  access: { object: named, run: ({ vfs }, path, mode) => access(vfs, path, mode) },
  chdir: { object: named, run: ({ vfs }, path) => chdir(vfs, path) },
  stat: { object: named, run: ({ vfs }, path, into) => stat(vfs, path, into) },
  dup: {
    object: ofFd,
    run({ task }, fd) {
      const file = task.files.get(fd);
      if (file === undefined) return -EBADF;
      const copy = task.files.install(file.get());
      if (copy < 0) file.put();
      return copy;
    },
  },
};
