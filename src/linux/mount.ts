import { AT, errnoText } from '../abi/index.ts';
import { type Block, cstring, type Executor, textOf } from './executor.ts';
import { mustCall, SyscallError } from './must-call.ts';
import { SYS } from './numbers.ts';

const CLOEXEC = 1;
const FSCONFIG = { SET_FLAG: 0, SET_STRING: 1, CMD_CREATE: 6 } as const;
const MOVE_MOUNT_F_EMPTY_PATH = 4;
const OPEN_TREE_CLOEXEC = 0o2000000;

/** open_tree(2), with AT_* flags beside: linux/mount.h. */
export const OPEN_TREE_CLONE = 1;
/** umount2(2): linux/fs.h. */
export const MNT = { FORCE: 1, DETACH: 2, EXPIRE: 4, NOFOLLOW: 8 } as const;

/** Options of a file system: text, or true for a flag. */
export type MountOptions = Readonly<Record<string, string | true>>;

/** fsopen(2): a file system that is being configured, in the user namespace of the caller. @returns its descriptor. */
export const openFs = (task: Executor, type: string): number =>
  mustCall(task, 'fsopen', cstring(type), CLOEXEC);

/**
 * Sets options and creates the superblock. This may be another task than the one that opened it: options are judged by
 * the privileges of whoever sets them.
 * @throws SyscallError with what the file system says of the option it refuses.
 */
export function createFs(task: Executor, fs: number, options: MountOptions): void {
  for (const [key, value] of Object.entries(options)) {
    const flag = value === true;
    const command = flag ? FSCONFIG.SET_FLAG : FSCONFIG.SET_STRING;
    configure(task, fs, command, key, flag ? null : value);
  }
  configure(task, fs, FSCONFIG.CMD_CREATE, null, null);
}

function configure(
  task: Executor,
  fs: number,
  command: number,
  key: string | null,
  value: string | null,
): void {
  const result = task.syscall(SYS.fsconfig, fs, command, optional(key), optional(value), 0);
  if (result >= 0) return;
  const said = messagesOf(task, fs);
  const what = key === null ? 'creating it' : `option ${key}${value === null ? '' : `=${value}`}`;
  throw new SyscallError('fsconfig', -result, [what, errnoText(result), ...said].join(': '));
}

const optional = (text: string | null): Block | null => (text === null ? null : cstring(text));

/** What the kernel wrote into the file system's log, without the mark of severity: `e bpf: Unknown parameter`. */
function messagesOf(task: Executor, fs: number): string[] {
  const messages: string[] = [];
  for (;;) {
    const bytes = new Uint8Array(256);
    const length = task.syscall(SYS.read, fs, { bytes }, bytes.length);
    if (length <= 0) return messages;
    messages.push(textOf(bytes.subarray(0, length)).slice(2).trim());
  }
}

/** fsmount(2). @returns the descriptor of the mount, which is nowhere yet. It is an O_PATH one. */
export const mountFs = (task: Executor, fs: number, attributes = 0): number =>
  mustCall(task, 'fsmount', fs, CLOEXEC, attributes);

/** A new file system that is mounted nowhere yet. @returns the descriptor of the mount. */
export function makeMount(task: Executor, type: string, options: MountOptions = {}): number {
  const fs = openFs(task, type);
  try {
    createFs(task, fs, options);
    return mountFs(task, fs);
  } finally {
    task.syscall(SYS.close, fs);
  }
}

/** Puts a mount that has a descriptor at a path (move_mount(2)). */
export function placeMount(task: Executor, mount: number, path: string): void {
  const from = cstring('');
  mustCall(task, 'move_mount', mount, from, AT.FDCWD, cstring(path), MOVE_MOUNT_F_EMPTY_PATH);
}

/** Moves what is mounted at one path to another (move_mount(2)). */
export function moveMount(task: Executor, from: string, to: string): void {
  mustCall(task, 'move_mount', AT.FDCWD, cstring(from), AT.FDCWD, cstring(to), 0);
}

/**
 * open_tree(2).
 * @param flags {@link OPEN_TREE_CLONE} for a copy that is mounted nowhere; AT_RECURSIVE 0x8000 for the whole tree.
 * @returns a descriptor of the mount.
 */
export const openTree = (task: Executor, path: string, flags = 0): number =>
  mustCall(task, 'open_tree', AT.FDCWD, cstring(path), flags | OPEN_TREE_CLOEXEC);

/**
 * mount(2).
 * @param flags `MS` of `abi`.
 * @param data the file system's options, with commas between.
 */
export function mount(
  task: Executor,
  source: string,
  target: string,
  type: string,
  flags = 0,
  data = '',
): void {
  mustCall(task, 'mount', cstring(source), cstring(target), cstring(type), flags, cstring(data));
}

/** umount2(2). @param flags {@link MNT}. */
export function unmount(task: Executor, target: string, flags = 0): void {
  mustCall(task, 'umount2', cstring(target), flags);
}
