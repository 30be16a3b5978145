import { ERRNO, SIG } from '../../abi/index.ts';
import type { Cgroup } from '../cgroup/cgroup.ts';
import type { FileTable } from '../fs/file-table.ts';
import type { FsContext } from '../fs/fs-context.ts';
import { ALL_CAPS, NO_CAPS, capSetOf, type CapName } from '../mem/capset.ts';
import type { Offset } from '../mem/memory.ts';
import type { Struct } from '../mem/structs.ts';
import type { Mm } from '../mm/mm.ts';
import { hookPoints, type Core } from './core.ts';
import { Creds, type Cred } from './cred.ts';
import { initNamespaces, type Namespaces } from './namespaces.ts';
import { PF, Task } from './task.ts';

const { EAGAIN, ENOMEM } = ERRNO;

const HOOKS = ['task_alloc', 'task_free'] as const;
/** kernel.pid_max on 64-bit machines, and the pids that are not given out a second time. */
const PID_MAX = 4194304;
const RESERVED_PIDS = 300;
const NO_ID = 0xffffffff;
const SIGNAL_UNKILLABLE = 0x40;
const EXIT_DEAD = 16;

export interface SpawnOptions {
  readonly uid?: number;
  readonly gid?: number;
  readonly groups?: readonly number[];
  readonly comm?: string;
  /** Default: all for uid 0, none for others. */
  readonly caps?: readonly CapName[];
  /** Default: that of the parent. */
  readonly cgroup?: Cgroup;
}

/** What a first task is made with. */
export interface TaskParts {
  readonly files: FileTable;
  readonly fs: FsContext;
  readonly cgroup: Cgroup;
  readonly mm: Mm;
}

/** All tasks, and how they come and go (kernel/fork.c, kernel/exit.c). */
export class Tasks {
  readonly creds: Creds;
  readonly namespaces: Namespaces;
  /** The task whose system call runs. */
  current!: Task;
  readonly #core: Core;
  readonly #hooks;
  readonly #byPid = new Map<number, Task>();
  #lastPid = 0;

  constructor(core: Core) {
    this.#core = core;
    this.namespaces = initNamespaces(core);
    this.creds = new Creds(core, this.namespaces.user);
    this.#hooks = hookPoints(core.lsm, HOOKS);
  }

  get all(): Iterable<Task> {
    return this.#byPid.values();
  }

  get count(): number {
    return this.#byPid.size;
  }

  find(pid: number): Task | undefined {
    return this.#byPid.get(pid);
  }

  /** Makes pid 1, which has no parent and ignores deadly signals. */
  boot(parts: TaskParts, comm: string): Task {
    const s = this.#core.structs.task_struct.alloc();
    const cred = this.creds.make({ uid: 0, gid: 0, caps: ALL_CAPS });
    s.cred = cred.addr;
    s.real_cred = this.creds.get(cred).addr;
    s.nsproxy = this.namespaces.nsproxy;
    s.loginuid = NO_ID;
    s.sessionid = NO_ID;
    const task = new Task(this.#core, this.creds, s, { ...parts, pgid: 1 });
    this.#complete(task, this.#idle(cred), 1);
    this.#signal(s).flags = SIGNAL_UNKILLABLE;
    this.#core.structs.pid_namespace.at(this.namespaces.pid).child_reaper = task.addr;
    task.comm = comm;
    this.current = task;
    return task;
  }

  /**
   * fork(2) of `parent`.
   * @returns the child, or a negative errno: that of the LSM that refused, or -EAGAIN when pids run out.
   */
  fork(parent: Task): Task | number {
    const { mem, structs } = this.#core;
    const cred = this.creds.prepare(parent.cred);
    if (cred === undefined) return -ENOMEM;
    const s = structs.task_struct.alloc();
    mem.u8.copyWithin(s.addr, parent.addr, parent.addr + structs.task_struct.size);
    s.cred = cred.addr;
    s.real_cred = this.creds.get(cred).addr;
    s.flags = (parent.s.flags & ~PF.SUPERPRIV) | PF.FORKNOEXEC;
    s.ptrace = 0;
    s.ptracer_cred = 0;
    // Not the parent's: a refused fork must not free them.
    s.signal = s.thread_pid = 0;
    s.exit_signal = SIG.CHLD;
    const pid = this.#nextPid();
    const refused = pid === undefined ? -EAGAIN : this.#hooks.task_alloc.call(s.addr, 0);
    if (refused < 0 || pid === undefined || parent.mm === undefined) {
      this.#free(s);
      return refused < 0 ? refused : -EAGAIN;
    }
    const child = new Task(this.#core, this.creds, s, {
      files: parent.files.clone(),
      fs: parent.fs.clone(),
      cgroup: parent.cgroup,
      mm: parent.mm.clone(),
      pgid: parent.pgid,
    });
    this.#complete(child, parent, pid);
    s.parent_exec_id = parent.s.self_exec_id;
    parent.children.add(child);
    return child;
  }

  /**
   * A child of `parent` as a test wants it, with no file open: a parent's descriptors would keep its policies alive.
   * No system calls are made to give it its ids.
   */
  spawn(parent: Task, options: SpawnOptions): Task | number {
    const task = this.fork(parent);
    if (typeof task === 'number') return task;
    task.files.release();
    const { uid = 0, gid = uid, groups = [] } = options;
    const caps = options.caps ? capSetOf(options.caps) : uid === 0 ? ALL_CAPS : NO_CAPS;
    this.creds.set(task.cred, { uid, gid, groups, caps });
    if (options.comm !== undefined) task.comm = options.comm;
    if (options.cgroup !== undefined) options.cgroup.attach(task);
    return task;
  }

  /** do_exit(): gives back all that the task holds. Nobody waits here, so a dead task is reaped at once. */
  exit(task: Task, code: number): void {
    const { mm, s } = task;
    if (mm === undefined) return;
    const before = this.current;
    this.current = task;
    s.exit_code = code;
    s.exit_state = EXIT_DEAD;
    task.mm = undefined;
    s.mm = 0;
    mm.put();
    task.files.release();
    task.fs.release();
    this.#reparent(task);
    task.cgroup.detach(task);
    this.#byPid.delete(task.pid);
    this.#free(s);
    this.current = before === task ? (this.find(1) ?? task) : before;
  }

  /** commit_creds(): the task acts with `next` from now on; takes over the caller's reference. */
  commit(task: Task, next: Cred): void {
    const old = task.realCred;
    if (this.creds.losesDumpable(old, next)) task.mm?.setDumpable(0);
    this.creds.get(next);
    task.s.cred = task.s.real_cred = next.addr;
    this.creds.put(old);
    this.creds.put(old);
  }

  #reparent(task: Task): void {
    const init = this.find(1);
    for (const child of task.children) {
      if (init === undefined || init === task) break;
      init.children.add(child);
      child.s.real_parent = init.addr;
      if (child.tracer === undefined) child.s.parent = init.addr;
    }
    for (const other of this.all) if (other.tracer === task) this.untrace(other);
    for (const other of this.all) other.children.delete(task);
  }

  /** __ptrace_unlink(). */
  untrace(task: Task): void {
    task.tracer = undefined;
    task.stopped = false;
    task.s.ptrace = 0;
    if (task.s.ptracer_cred !== 0) this.creds.put(this.creds.at(task.s.ptracer_cred));
    task.s.ptracer_cred = 0;
    task.s.parent = task.s.real_parent;
  }

  /** The task with pid 0, parent of pid 1 and of itself, where walks up the tree end. */
  #idle(cred: Cred): Struct<'task_struct'> {
    const idle = this.#core.structs.task_struct.alloc();
    idle.flags = PF.KTHREAD;
    idle.real_parent = idle.parent = idle.group_leader = idle.addr;
    idle.cred = this.creds.get(cred).addr;
    idle.real_cred = this.creds.get(cred).addr;
    this.#core.mem.u8.set(
      new TextEncoder().encode('swapper/0'),
      this.#core.structs.task_struct.fields.comm.at(idle.addr),
    );
    return idle;
  }

  #complete(task: Task, parent: { readonly addr: Offset }, pid: number): void {
    const { structs } = this.#core;
    const { s } = task;
    this.#lastPid = pid;
    s.pid = s.tgid = pid;
    s.real_parent = s.parent = parent.addr;
    s.group_leader = s.addr;
    s.start_time = s.start_boottime = this.#core.now();
    const signal = structs.signal_struct.alloc();
    signal.live = signal.nr_threads = 1;
    s.signal = signal.addr;
    const struct = structs.pid.alloc(structs.upid.size);
    const number = structs.upid.at(structs.pid.fields.numbers.at(struct.addr));
    number.nr = pid;
    number.ns = this.namespaces.pid;
    s.thread_pid = struct.addr;
    s.mm = s.active_mm = task.mm?.addr ?? 0;
    s.fs = task.fs.addr;
    if (task.mm !== undefined) task.mm.s.owner = s.addr;
    this.#byPid.set(pid, task);
    task.cgroup.attach(task);
  }

  /** __put_task_struct(). */
  #free(s: Struct<'task_struct'>): void {
    const { mem } = this.#core;
    this.#hooks.task_free.call(s.addr);
    if (s.ptracer_cred !== 0) this.creds.put(this.creds.at(s.ptracer_cred));
    this.creds.put(this.creds.at(s.real_cred));
    this.creds.put(this.creds.at(s.cred));
    for (const part of [s.signal, s.thread_pid]) if (part !== 0) mem.free(part);
    mem.free(s.addr);
  }

  /** alloc_pid(): ascending, and around again above the reserved ones. */
  #nextPid(): number | undefined {
    for (let pid = this.#lastPid + 1; pid < PID_MAX; pid++) if (!this.#byPid.has(pid)) return pid;
    for (let pid = RESERVED_PIDS; pid < this.#lastPid; pid++) if (!this.#byPid.has(pid)) return pid;
    return undefined;
  }

  #signal(s: Struct<'task_struct'>): Struct<'signal_struct'> {
    return this.#core.structs.signal_struct.at(s.signal);
  }
}
