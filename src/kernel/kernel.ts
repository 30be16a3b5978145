import type { BpfCommand, BpfCommands, BpfResult } from './bpf.ts';
import type { Decision } from './decision.ts';
import type { SyscallName, Syscalls } from './syscalls.ts';

/**
 * A kernel is anything that answers bpf(2) and system calls. Whoever writes against this cannot tell the simulated
 * kernel from Linux.
 */
export interface Kernel {
  /** As uname -r tells: `6.12.95+deb12-cloud-amd64`. */
  readonly release: string;
  /** As uname -v tells: `#1 SMP PREEMPT_DYNAMIC Debian 6.12.95-1 (2026-07-05)`. */
  readonly version: string;
  readonly possibleCpus: number;
  /** The kernel's own BTF, raw (`/sys/kernel/btf/vmlinux`). */
  btf(): Promise<Uint8Array>;
  /** A line of its configuration, as in `/proc/config.gz`: `y`, `m`, a number, a string; undefined if unset. */
  config(name: string): Promise<string | undefined>;
  /** The task that the caller acts as: root in the initial namespaces unless the kernel was made otherwise. */
  readonly self: Task;
  /** A new task, child of `self`, with no file open. */
  spawn(options?: TaskOptions): Promise<Task>;
  /** Decisions since boot (bounded, oldest dropped first); undefined where the kernel does not tell, as Linux. */
  decisions(): readonly Decision[] | undefined;
}

export interface TaskOptions {
  readonly uid?: number;
  readonly gid?: number;
  readonly comm?: string;
  /** Capability names as Linux writes them (`CAP_SYS_ADMIN`); default: all for uid 0, none for others. */
  readonly caps?: readonly string[];
}

export interface Task {
  readonly pid: number;
  bpf<C extends BpfCommand>(
    command: C,
    attr: BpfCommands[C]['attr'],
  ): Promise<BpfResult<BpfCommands[C]['out']>>;
  /**
   * Makes a system call. Buffers among the arguments are filled as the call would.
   * @returns what Linux returns: ≥ 0, or a negative errno.
   */
  call<N extends SyscallName>(name: N, ...args: Parameters<Syscalls[N]>): Promise<number>;
  /** fork(2): the child shares open files and attributes as on Linux. Rejects with nothing: a refusal is its errno. */
  fork(): Promise<Task | { readonly errno: number }>;
  /** Maps the ring buffer behind `mapFd` for reading. */
  ringbuf(mapFd: number): Promise<BpfResult<RingBuffer>>;
  /** Ends the task: its file descriptors are closed and what only they held is released. */
  exit(status?: number): Promise<void>;
}

export interface RingBuffer {
  /**
   * Takes the records that are there now, oldest first; discarded ones are passed over. `visit` sees each in place: the
   * bytes `offset` to `offset + length` of `area` are its own until it returns.
   * @returns how many records it saw.
   */
  drain(visit: (area: Uint8Array, offset: number, length: number) => void): Promise<number>;
  /** As {@link drain}, with a copy of each record. */
  consume(): Promise<readonly Uint8Array[]>;
  /**
   * Resolves when a record can be taken: at once if there is one, else when a program commits one, when `timeout`
   * milliseconds are over (none: never), or when the buffer is closed.
   * @returns whether there is a record.
   */
  wait(timeout?: number): Promise<boolean>;
  /** What is known of the traffic so far. The kernel does not count records that found no room. */
  stats(): RingBufferStats;
  close(): Promise<void>;
}

export interface RingBufferStats {
  /** Room for records, in bytes. */
  readonly size: number;
  /** Bytes ever reserved by programs since the map was made, headers included. */
  readonly producerPosition: number;
  /** Bytes ever taken by readers since the map was made. */
  readonly consumerPosition: number;
  /** Records that this reader took. */
  readonly consumed: number;
  /** Records that this reader passed over because the program discarded them. */
  readonly discarded: number;
}
