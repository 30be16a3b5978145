import type { Btf } from '../../btf/types.ts';
import type { Lsm } from '../lsm/lsm.ts';
import type { Layouts } from '../mem/layout.ts';
import type { KernelMemory, Offset } from '../mem/memory.ts';

/** As readlink of the descriptor in /proc shows it behind `anon_inode:`. */
export type AnonName = 'bpf-map' | 'bpf-prog' | 'bpf_link' | 'btf';

/** An open file as the file table holds it. */
export interface BpfFile {
  /** Offset of its `struct file`. */
  readonly addr: Offset;
  /** For files made by {@link BpfHost.anonFile}: what stands behind them. */
  readonly object?: unknown;
  /** Gives one reference back. */
  put(): void;
}

/** A cgroup of the default hierarchy. */
export interface BpfCgroup {
  readonly id: number;
  /** Undefined for the root. */
  readonly parent?: BpfCgroup | undefined;
}

/** What bpf(2) and the helpers ask of a task. */
export interface BpfTask {
  /** Offset of its `task_struct`. */
  readonly addr: Offset;
  readonly pid: number;
  readonly tgid: number;
  /** Undefined for tasks without an address space. */
  readonly mm:
    | {
        /** Undefined when any byte of the range is not mapped readable. */
        read(address: number, length: number): Uint8Array | undefined;
      }
    | undefined;
  readonly cgroup: BpfCgroup;
  readonly files: {
    /** Takes the reference over. @returns the new descriptor, or -EMFILE, when the reference stays the caller's. */
    install(file: BpfFile, cloexec?: boolean): number;
    get(fd: number): BpfFile | undefined;
  };
}

/** What bpf(2) needs from the kernel around it. */
export interface BpfHost {
  readonly mem: KernelMemory;
  readonly layouts: Layouts;
  readonly btf: Btf;
  readonly lsm: Lsm;
  readonly release: string;
  readonly possibleCpus: number;
  /** The sysctl of this name: 0 open to all, 1 closed for good, 2 closed. */
  readonly unprivilegedBpfDisabled: 0 | 1 | 2;
  /** The task that runs now. */
  readonly current: BpfTask;
  /** Monotonic time in nanoseconds. */
  now(): number;
  /** A random number of 32 bits, from the kernel's seed. */
  randomU32(): number;
  /** Whether the current task has the capability in the initial user namespace; asks the `capable` hook. */
  capable(capability: number): boolean;
  /** The path that a `struct path` stands for, or a negative errno. */
  dPath(path: Offset): string | number;
  /**
   * An open file that is no file of any file system; `release` runs when its last reference goes.
   * @returns the file, or the negative errno of an LSM.
   */
  anonFile(name: AnonName, object: unknown, release: () => void): BpfFile | number;
  /** The task whose `task_struct` is there. */
  taskAt(addr: Offset): BpfTask | undefined;
}
