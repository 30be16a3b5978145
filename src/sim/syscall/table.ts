import type { SyscallName } from '../../kernel/syscalls.ts';

type ArgumentKind = 'path' | 'integer' | 'integer?' | 'bytes' | 'strings' | 'address';

export interface SyscallRow {
  readonly support: 'yes' | 'partial' | 'no';
  /** What is not as on Linux. */
  readonly note?: string;
  /** Name and kind of each argument. */
  readonly args: readonly (readonly [name: string, kind: ArgumentKind])[];
}

const yes = (...args: SyscallRow['args']): SyscallRow => ({ support: 'yes', args });
const partial = (note: string, ...args: SyscallRow['args']): SyscallRow => ({
  support: 'partial',
  note,
  args,
});

/** Every simulated system call. */
export const SYSCALLS: Readonly<Record<SyscallName, SyscallRow>> = {
  open: partial(
    'O_TMPFILE gives EOPNOTSUPP; no leases, no ACLs',
    ['path', 'path'],
    ['flags', 'integer'],
    ['mode', 'integer?'],
  ),
  creat: yes(['path', 'path'], ['mode', 'integer']),
  close: yes(['fd', 'integer']),
  read: partial('directories, regular files and /dev/null', ['fd', 'integer'], ['buffer', 'bytes']),
  write: partial('regular files and /dev/null', ['fd', 'integer'], ['data', 'bytes']),
  truncate: yes(['path', 'path'], ['length', 'integer']),
  ftruncate: yes(['fd', 'integer'], ['length', 'integer']),
  unlink: yes(['path', 'path']),
  rmdir: yes(['path', 'path']),
  mkdir: yes(['path', 'path'], ['mode', 'integer']),
  link: yes(['from', 'path'], ['to', 'path']),
  symlink: yes(['target', 'path'], ['path', 'path']),
  rename: yes(['from', 'path'], ['to', 'path']),
  chmod: yes(['path', 'path'], ['mode', 'integer']),
  chown: yes(['path', 'path'], ['uid', 'integer'], ['gid', 'integer']),
  access: yes(['path', 'path'], ['mode', 'integer']),
  chdir: yes(['path', 'path']),
  stat: yes(['path', 'path'], ['stat', 'bytes']),
  dup: yes(['fd', 'integer']),
  execve: partial(
    'the program does not run; no file capabilities, no binfmt_misc; PT_INTERP is opened, not run',
    ['path', 'path'],
    ['argv', 'strings'],
    ['envp', 'strings'],
  ),
  getpid: yes(),
  setuid: yes(['uid', 'integer']),
  setgid: yes(['gid', 'integer']),
  kill: partial(
    'tasks have no handlers; those that die are reaped at once',
    ['pid', 'integer'],
    ['signal', 'integer'],
  ),
  ptrace: partial(
    'TRACEME, ATTACH, SEIZE, DETACH; others give EIO',
    ['request', 'integer'],
    ['pid', 'integer'],
  ),
  mmap: partial(
    'no MAP_HUGETLB; shared anonymous memory has no file behind it and is not shared by fork',
    ['address', 'integer'],
    ['length', 'integer'],
    ['prot', 'integer'],
    ['flags', 'integer'],
    ['fd', 'integer'],
    ['offset', 'integer'],
  ),
  mprotect: yes(['address', 'integer'], ['length', 'integer'], ['prot', 'integer']),
  munmap: yes(['address', 'integer'], ['length', 'integer']),
  brk: yes(['address', 'integer']),
  socket: partial(
    'AF_INET and AF_INET6, stream and datagram',
    ['family', 'integer'],
    ['type', 'integer'],
    ['protocol', 'integer'],
  ),
  bind: yes(['fd', 'integer'], ['address', 'address']),
  connect: partial(
    'hosts other than this one do not answer: TCP gives ETIMEDOUT at once',
    ['fd', 'integer'],
    ['address', 'address'],
  ),
  listen: yes(['fd', 'integer'], ['backlog', 'integer']),
};

/**
 * Checks what a caller hands to a system call.
 * @throws TypeError that names the call and the argument.
 */
export function checkArguments(name: SyscallName, args: readonly unknown[]): void {
  for (const [i, [arg, kind]] of SYSCALLS[name].args.entries()) {
    const wrong = complaint(kind, args[i]);
    if (wrong !== undefined) throw new TypeError(`${name}: ${arg} must be ${wrong}`);
  }
}

function complaint(kind: ArgumentKind, value: unknown): string | undefined {
  switch (kind) {
    case 'path':
      return isCString(value) ? undefined : 'a string without NUL';
    case 'integer?':
      return value === undefined || Number.isSafeInteger(value) ? undefined : 'an integer';
    case 'integer':
      return Number.isSafeInteger(value) ? undefined : 'an integer';
    case 'bytes':
      return value instanceof Uint8Array ? undefined : 'a Uint8Array';
    case 'strings':
      return Array.isArray(value) && value.every(isCString)
        ? undefined
        : 'an array of strings without NUL';
    case 'address':
      return typeof value === 'object' && value !== null && 'family' in value
        ? undefined
        : 'a socket address';
    default:
      return kind satisfies never;
  }
}

const isCString = (value: unknown): boolean => typeof value === 'string' && !value.includes('\0');
