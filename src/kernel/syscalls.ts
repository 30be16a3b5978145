/** `struct sockaddr` of the families that can be written as text. Ports in host byte order. */
export type SocketAddress =
  | { readonly family: 'AF_INET'; readonly address: string; readonly port: number }
  | {
      readonly family: 'AF_INET6';
      readonly address: string;
      readonly port: number;
      readonly scopeId?: number;
    }
  | { readonly family: 'AF_UNSPEC' };

/**
 * The system calls a workload can make, by Linux's names. All give ≥ 0 or a negative errno. Flags and modes are
 * Linux's numbers (see `abi`); paths are relative to the task's working directory unless absolute.
 */
export interface Syscalls {
  open(path: string, flags: number, mode?: number): number;
  creat(path: string, mode: number): number;
  close(fd: number): number;
  read(fd: number, buffer: Uint8Array): number;
  write(fd: number, data: Uint8Array): number;
  /** Sets the size in bytes. */
  truncate(path: string, length: number): number;
  ftruncate(fd: number, length: number): number;
  unlink(path: string): number;
  rmdir(path: string): number;
  mkdir(path: string, mode: number): number;
  link(from: string, to: string): number;
  symlink(target: string, path: string): number;
  rename(from: string, to: string): number;
  chmod(path: string, mode: number): number;
  chown(path: string, uid: number, gid: number): number;
  /** `mode` is F_OK 0, or R_OK 4, W_OK 2, X_OK 1 together. */
  access(path: string, mode: number): number;
  chdir(path: string): number;
  /** Fills `stat` (see `abi` for its layout: x86-64 `struct stat`, 144 bytes). */
  stat(path: string, stat: Uint8Array): number;
  dup(fd: number): number;
  /** The new program runs in the same task; its own instructions are not simulated. */
  execve(path: string, argv: readonly string[], envp: readonly string[]): number;
  getpid(): number;
  setuid(uid: number): number;
  setgid(gid: number): number;
  kill(pid: number, signal: number): number;
  /** PTRACE_ATTACH 16, PTRACE_SEIZE 0x4206, PTRACE_TRACEME 0, PTRACE_DETACH 17. */
  ptrace(request: number, pid: number): number;
  /** @returns the address, a multiple of 4096. `address` 0 lets the kernel choose. */
  mmap(
    address: number,
    length: number,
    prot: number,
    flags: number,
    fd: number,
    offset: number,
  ): number;
  mprotect(address: number, length: number, prot: number): number;
  munmap(address: number, length: number): number;
  /** `address` 0 asks for the present end of the heap; gives the end after the call. */
  brk(address: number): number;
  socket(family: number, type: number, protocol: number): number;
  bind(fd: number, address: SocketAddress): number;
  connect(fd: number, address: SocketAddress): number;
  listen(fd: number, backlog: number): number;
}
export type SyscallName = keyof Syscalls;
