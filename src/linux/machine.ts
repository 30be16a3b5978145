import { readFile } from 'node:fs/promises';
import { AT, MS, O, S } from '../abi/index.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { ROOT_TREE, type RootEntry } from '../kernel/root-tree.ts';
import { callsToBecome } from './become.ts';
import { type Call, DRIVER, startDriver } from './driver/index.ts';
import { type Block, cstring } from './executor.ts';
import { kernelFacts } from './kernel.ts';
import { LinuxUnavailableError, openLibc } from './libc.ts';
import { mustCallAll, SyscallError } from './must-call.ts';
import { SYS } from './numbers.ts';
import { drivenTask, spawnFrom } from './task.ts';

const CLONE_NEWNS = 0x0002_0000;
const FSCONFIG_SET_STRING = 1;
const FSCONFIG_CMD_CREATE = 6;
const MOVE_MOUNT_F_EMPTY_PATH = 4;
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
  const opening = [openLibc(), kernelFacts(), readFile(DRIVER)] as const;
  const [libc, facts, program] = await Promise.all(opening);
  const family = await startDriver(libc);
  try {
    mustCallAll(family.first, callsToPrepare(program));
  } catch (cause) {
    await family.close();
    if (!(cause instanceof SyscallError)) throw cause;
    const message = `a machine of its own on the real kernel cannot be had here: ${cause.message}`;
    throw new LinuxUnavailableError(message, { cause });
  }
  const { first } = family;
  return {
    ...facts,
    self: drivenTask(first),
    // Errors of the first steps reject the promise.
    spawn: async (options = {}) => spawnFrom(first, options),
    close: () => family.close(),
  };
}

/**
 * The calls by which the first task gets its root. They are made in one go, so their descriptors are foretold: none is
 * open, so the first is 0.
 */
function callsToPrepare(program: Uint8Array): readonly Call[] {
  const driver = { bytes: program };
  return [
    [SYS.setgroups, 0, null],
    [SYS.unshare, CLONE_NEWNS],
    [SYS.mount, null, cstring('/'), null, MS.REC | MS.PRIVATE, null],
    ...CALLS_TO_ENTER_TMPFS,
    [SYS.umask, 0],
    ...Object.entries(ROOT_TREE).flatMap(([path, entry]) => callsFor(path, entry, driver)),
    [SYS.umask, UMASK],
    ...callsToBecome({ comm: COMM }),
  ];
}

const [FS, MOUNT] = [0, 1];
/** Mounts a new tmpfs over the root, and makes it the root of the task. */
const CALLS_TO_ENTER_TMPFS: readonly Call[] = [
  [SYS.fsopen, cstring('tmpfs'), 0],
  [SYS.fsconfig, FS, FSCONFIG_SET_STRING, cstring('mode'), cstring('0755'), 0],
  [SYS.fsconfig, FS, FSCONFIG_CMD_CREATE, null, null, 0],
  [SYS.fsmount, FS, 0, 0],
  [SYS.move_mount, MOUNT, cstring(''), AT.FDCWD, cstring('/'), MOVE_MOUNT_F_EMPTY_PATH],
  [SYS.fchdir, MOUNT],
  [SYS.chroot, cstring('.')],
  [SYS.close, MOUNT],
  [SYS.close, FS],
];

function callsFor(path: string, entry: RootEntry, driver: Block): Call[] {
  const name = cstring(path);
  const { mode, uid = 0, gid = 0 } = entry;
  const owner: Call[] = uid === 0 && gid === 0 ? [] : [[SYS.lchown, name, uid, gid]];
  const permissions = mode & ~S.IFMT;
  switch (mode & S.IFMT) {
    case S.IFDIR:
      return [[SYS.mkdir, name, permissions], ...owner];
    case S.IFLNK:
      return [[SYS.symlink, cstring(entry.link ?? ''), name], ...owner];
    case S.IFREG: {
      const content = entry.program ? driver : { bytes: new TextEncoder().encode(entry.text) };
      return [
        [SYS.open, name, O.WRONLY | O.CREAT | O.EXCL, permissions],
        [SYS.write, 0, content, content.bytes.length],
        [SYS.close, 0],
        ...owner,
      ];
    }
    default: {
      const { major, minor } = entry.device ?? { major: 0, minor: 0 };
      return [[SYS.mknod, name, mode, (major << 8) | minor], ...owner];
    }
  }
}
