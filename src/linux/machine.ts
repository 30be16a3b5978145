import { readFile } from 'node:fs/promises';
import type { Kernel } from '../kernel/kernel.ts';
import { ROOT_TREE, type RootEntry } from '../kernel/root-tree.ts';
import { S, MS } from '../abi/index.ts';
import { become } from './become.ts';
import { type DrivenTask, DRIVER, type DriverFamily, startDriver } from './driver/index.ts';
import { cstring } from './executor.ts';
import { openLinux } from './kernel.ts';
import { LinuxUnavailableError, openLibc } from './libc.ts';
import { mustCall } from './must-call.ts';
import { drivenTask, spawnFrom } from './task.ts';

const CLONE_NEWNS = 0x0002_0000;
const FSCONFIG_SET_STRING = 1;
const FSCONFIG_CMD_CREATE = 6;
const MOVE_MOUNT_F_EMPTY_PATH = 4;
const AT_FDCWD = -100;
const O_WRONLY_CREAT_EXCL = 0o301;
const UMASK = 0o022;
/** As on the simulated kernel. */
const COMM = 'systemd';

/** The running kernel, for tests: whatever they do in it is gone when it is closed. */
export interface Machine extends Kernel {
  /** Ends all tasks; their files and mounts go with them. */
  close(): Promise<void>;
}

/**
 * A first task that is root in a mount namespace of its own, on a fresh root file system with the tree that the
 * simulated kernel has; its programs are drivers, so that a task serves on after execve(2). It shares all other
 * namespaces, and the LSM hooks, with the machine that this runs on.
 * @throws LinuxUnavailableError where that cannot be had.
 */
export async function openMachine(): Promise<Machine> {
  if (process.geteuid?.() !== 0)
    throw new LinuxUnavailableError('a machine of its own on the real kernel needs root');
  const [libc, linux, program] = [await openLibc(), await openLinux(), await readFile(DRIVER)];
  const family = await startDriver(libc);
  try {
    prepare(family, program);
  } catch (error) {
    await family.close();
    throw error;
  }
  const { first } = family;
  return {
    ...linux,
    self: drivenTask(libc, first),
    // Errors of the first steps reject the promise.
    spawn: async (options = {}) => spawnFrom(libc, first, options),
    close: () => family.close(),
  };
}

function prepare({ first }: DriverFamily, program: Uint8Array): void {
  mustCall(first, 'setgroups', 0, null);
  mustCall(first, 'unshare', CLONE_NEWNS);
  mustCall(first, 'mount', null, cstring('/'), null, MS.REC | MS.PRIVATE, null);
  enterNewRoot(first);
  mustCall(first, 'umask', 0);
  for (const [path, entry] of Object.entries(ROOT_TREE)) make(first, path, entry, program);
  mustCall(first, 'umask', UMASK);
  become(first, { comm: COMM });
}

/** Mounts a new tmpfs over the root, and makes it the root of this task. */
function enterNewRoot(task: DrivenTask): void {
  const fs = mustCall(task, 'fsopen', cstring('tmpfs'), 0);
  mustCall(task, 'fsconfig', fs, FSCONFIG_SET_STRING, cstring('mode'), cstring('0755'), 0);
  mustCall(task, 'fsconfig', fs, FSCONFIG_CMD_CREATE, null, null, 0);
  const mount = mustCall(task, 'fsmount', fs, 0, 0);
  const here = cstring('');
  mustCall(task, 'move_mount', mount, here, AT_FDCWD, cstring('/'), MOVE_MOUNT_F_EMPTY_PATH);
  mustCall(task, 'fchdir', mount);
  mustCall(task, 'chroot', cstring('.'));
  mustCall(task, 'close', mount);
  mustCall(task, 'close', fs);
}

function make(task: DrivenTask, path: string, entry: RootEntry, program: Uint8Array): void {
  const name = cstring(path);
  const { mode, uid = 0, gid = 0 } = entry;
  switch (mode & S.IFMT) {
    case S.IFDIR:
      mustCall(task, 'mkdir', name, mode & ~S.IFMT);
      break;
    case S.IFLNK:
      mustCall(task, 'symlink', cstring(entry.link ?? ''), name);
      break;
    case S.IFREG: {
      const bytes = entry.program ? program : new TextEncoder().encode(entry.text);
      const fd = mustCall(task, 'open', name, O_WRONLY_CREAT_EXCL, mode & ~S.IFMT);
      mustCall(task, 'write', fd, { bytes }, bytes.length);
      mustCall(task, 'close', fd);
      break;
    }
    default: {
      const { major = 0, minor = 0 } = entry.device ?? {};
      mustCall(task, 'mknod', name, mode, (major << 8) | minor);
    }
  }
  if (uid !== 0 || gid !== 0) mustCall(task, 'lchown', name, uid, gid);
}
