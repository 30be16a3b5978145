import type { FileTable } from '../fs/file-table.ts';
import type { FsContext } from '../fs/fs-context.ts';
import type { Cgroup } from '../cgroup/cgroup.ts';
import type { Offset } from '../mem/memory.ts';
import type { Struct } from '../mem/structs.ts';
import type { Mm } from '../mm/mm.ts';
import type { Core } from './core.ts';
import type { Cred, Creds } from './cred.ts';

const COMM_BYTES = 16;
/** Bits of `task_struct.flags` (include/linux/sched.h). */
export const PF = { FORKNOEXEC: 0x40, SUPERPRIV: 0x100, KTHREAD: 0x200000 } as const;

/** A process with one thread: `struct task_struct` and what hangs on it. */
export class Task {
  /** The struct in kernel memory, which is the truth. */
  readonly s: Struct<'task_struct'>;
  files: FileTable;
  fs: FsContext;
  cgroup: Cgroup;
  /** Undefined once the task has exited. */
  mm: Mm | undefined;
  /** Id of the process group, inherited on fork. */
  pgid: number;
  readonly children = new Set<Task>();
  /** Whoever traces this task (PTRACE_ATTACH, PTRACE_SEIZE, PTRACE_TRACEME). */
  tracer: Task | undefined;
  /** Stopped for its tracer, so that requests reach it. */
  stopped = false;
  readonly #core: Core;
  readonly #creds: Creds;

  constructor(
    core: Core,
    creds: Creds,
    s: Struct<'task_struct'>,
    parts: { files: FileTable; fs: FsContext; cgroup: Cgroup; mm: Mm; pgid: number },
  ) {
    this.#core = core;
    this.#creds = creds;
    this.s = s;
    this.files = parts.files;
    this.fs = parts.fs;
    this.cgroup = parts.cgroup;
    this.mm = parts.mm;
    this.pgid = parts.pgid;
  }

  /** Offset of its task_struct. */
  get addr(): Offset {
    return this.s.addr;
  }

  get pid(): number {
    return this.s.pid;
  }

  get tgid(): number {
    return this.s.tgid;
  }

  get alive(): boolean {
    return this.mm !== undefined;
  }

  /** Subjective credentials: what the task acts with. */
  get cred(): Cred {
    return this.#creds.at(this.s.cred);
  }

  /** Objective credentials: what others see of it. */
  get realCred(): Cred {
    return this.#creds.at(this.s.real_cred);
  }

  get comm(): string {
    const { mem, structs } = this.#core;
    return mem.readString(structs.task_struct.fields.comm.at(this.addr), COMM_BYTES);
  }

  /** Cut to 15 bytes, as Linux does. */
  set comm(name: string) {
    const { mem, structs } = this.#core;
    const at = structs.task_struct.fields.comm.at(this.addr);
    mem.u8.fill(0, at, at + COMM_BYTES);
    mem.u8.set(new TextEncoder().encode(name).subarray(0, COMM_BYTES - 1), at);
  }

  /** Whether the task may use the capability in its own user namespace; asks the LSMs. */
  capable(cap: number, opts = 0): boolean {
    const cred = this.cred;
    if (this.#creds.capable(cred.addr, cred.user_ns, cap, opts) !== 0) return false;
    this.s.flags |= PF.SUPERPRIV;
    return true;
  }
}
