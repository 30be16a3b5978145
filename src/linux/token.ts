import { O } from '../abi/index.ts';
import { cstring, type Executor } from './executor.ts';
import { createFs, mountFs, openFs } from './mount.ts';
import { mustCall } from './must-call.ts';
import { SYS } from './numbers.ts';

/**
 * What a bpffs lets tokens do: the mount options `delegate_*` without that prefix. Each is `any`, or names in lower
 * case, or bit masks, with colons between (`map_create:prog_load`).
 */
export interface Delegation {
  readonly cmds?: string;
  readonly maps?: string;
  readonly progs?: string;
  readonly attachs?: string;
}

/** A task that system calls can be made for, and its pid as this process knows it. */
export interface NumberedTask extends Executor {
  readonly pid: number;
}

const CLONE_NEWNS = 0x0002_0000;
const CLONE_NEWUSER = 0x1000_0000;

/**
 * Puts a task of one thread into a user namespace and a mount namespace of its own, where it has all capabilities, as
 * user and group `id` for itself, and those of `parent` for the world.
 * @param parent may write the task's id maps: it has CAP_SETUID and CAP_SETGID.
 * @throws SyscallError
 */
export function enterUserNamespace(
  parent: Executor,
  task: NumberedTask,
  { id = 0, outside = 0 } = {},
): void {
  mustCall(task, 'unshare', CLONE_NEWUSER | CLONE_NEWNS);
  for (const map of ['uid_map', 'gid_map'])
    writeFile(parent, `/proc/${task.pid}/${map}`, `${id} ${outside} 1\n`);
}

function writeFile(task: Executor, path: string, text: string): void {
  const fd = mustCall(task, 'open', cstring(path), O.WRONLY | O.CLOEXEC);
  try {
    const bytes = new TextEncoder().encode(text);
    mustCall(task, 'write', fd, { bytes }, bytes.length);
  } finally {
    task.syscall(SYS.close, fd);
  }
}

export interface DelegatedFs {
  /** Descriptors of `task`: the mount, and its root directory, which tokens are made from. */
  readonly mount: number;
  readonly root: number;
}

/**
 * A bpffs that belongs to the user namespace of `task` and delegates what `parent`, privileged outside, allows: the
 * task opens it, the parent takes the descriptor over (pidfd_getfd), sets the options and creates it, the task mounts
 * it. It is mounted nowhere yet.
 * @throws SyscallError
 */
export function delegateFs(
  parent: Executor,
  task: NumberedTask,
  delegation: Delegation,
): DelegatedFs {
  const theirs = openFs(task, 'bpf');
  try {
    const pidfd = mustCall(parent, 'pidfd_open', task.pid, 0);
    try {
      const ours = mustCall(parent, 'pidfd_getfd', pidfd, theirs, 0);
      try {
        createFs(parent, ours, delegationOptions(delegation));
      } finally {
        parent.syscall(SYS.close, ours);
      }
    } finally {
      parent.syscall(SYS.close, pidfd);
    }
    const mount = mountFs(task, theirs);
    // The mount's own descriptor is an O_PATH one, which TOKEN_CREATE refuses.
    const root = mustCall(task, 'openat', mount, cstring('.'), O.DIRECTORY | O.CLOEXEC);
    return { mount, root };
  } finally {
    task.syscall(SYS.close, theirs);
  }
}

const delegationOptions = (delegation: Delegation): Record<string, string> =>
  Object.fromEntries(
    Object.entries(delegation as Readonly<Record<string, string>>).map(([name, value]) => [
      `delegate_${name}`,
      value,
    ]),
  );
