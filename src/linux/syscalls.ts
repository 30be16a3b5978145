import { sockaddrBytes } from '../kernel/sockaddr.ts';
import type { SocketAddress, SyscallName, Syscalls } from '../kernel/syscalls.ts';
import { type Argument, type Block, cstring } from './executor.ts';

/** x86-64 numbers (arch/x86/entry/syscalls/syscall_64.tbl). */
const NUMBERS = {
  read: 0,
  write: 1,
  open: 2,
  close: 3,
  stat: 4,
  mmap: 9,
  mprotect: 10,
  munmap: 11,
  brk: 12,
  access: 21,
  dup: 32,
  getpid: 39,
  socket: 41,
  connect: 42,
  bind: 49,
  listen: 50,
  execve: 59,
  kill: 62,
  truncate: 76,
  ftruncate: 77,
  chdir: 80,
  rename: 82,
  mkdir: 83,
  rmdir: 84,
  creat: 85,
  link: 86,
  unlink: 87,
  symlink: 88,
  chmod: 90,
  chown: 92,
  ptrace: 101,
  setuid: 105,
  setgid: 106,
} as const satisfies Record<SyscallName, number>;

/** Calls that take the length of their buffer after it. */
const WITH_LENGTH: ReadonlySet<SyscallName> = new Set(['read', 'write']);

/**
 * One system call as the kernel takes it: its number and its arguments.
 * @throws TypeError for text with a NUL in it, and for what is no address.
 */
export function encodeSyscall<N extends SyscallName>(
  name: N,
  args: Parameters<Syscalls[N]>,
): readonly [number: number, ...args: Argument[]] {
  const words = (args as readonly CallArgument[]).flatMap((arg) => encodeArgument(name, arg));
  return [NUMBERS[name], ...words];
}

type CallArgument = number | string | Uint8Array | readonly string[] | SocketAddress | undefined;

function encodeArgument(name: SyscallName, arg: CallArgument): readonly Argument[] {
  if (arg === undefined) return [0];
  if (typeof arg === 'number') return [arg];
  if (typeof arg === 'string') return [text(name, arg)];
  if (arg instanceof Uint8Array)
    return WITH_LENGTH.has(name) ? [{ bytes: arg }, arg.length] : [{ bytes: arg }];
  if ('family' in arg) {
    const bytes = sockaddrBytes(arg);
    return [{ bytes }, bytes.length];
  }
  return [stringVector(arg.map((string) => text(name, string)))];
}

function text(name: SyscallName, value: string): Block {
  if (value.includes('\0')) throw new TypeError(`${name}: a string without NUL is needed`);
  return cstring(value);
}

/** A NULL-terminated array of C strings. */
function stringVector(strings: readonly Block[]): Block {
  const pointers = strings.map((to, i) => ({ offset: i * 8, to }));
  return { bytes: new Uint8Array((strings.length + 1) * 8), pointers };
}
