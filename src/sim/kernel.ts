import type { Btf } from '../btf/types.ts';
import type { BpfCommand, BpfCommands, BpfResult } from '../kernel/bpf.ts';
import type { Decision } from '../kernel/decision.ts';
import type { Syscalls } from '../kernel/syscalls.ts';
import { Bpf, type RingReader } from './bpf/index.ts';
import { Cgroups } from './cgroup/cgroup.ts';
import { AnonInodes } from './fs/anon.ts';
import type { Dentry } from './fs/dentry.ts';
import { dPath } from './fs/dpath.ts';
import { Exec } from './fs/exec.ts';
import { FileTable } from './fs/file-table.ts';
import { FsContext } from './fs/fs-context.ts';
import { fillRoot, mountRoot } from './fs/root.ts';
import { Vfs } from './fs/vfs.ts';
import { capabilityLsm } from './lsm/capability.ts';
import { Lsm, type FireArguments, type Fired } from './lsm/index.ts';
import { Layouts } from './mem/layout.ts';
import { KernelMemory, type Offset } from './mem/memory.ts';
import { kernelStructs } from './mem/structs.ts';
import { Mapping } from './mm/map.ts';
import { Mm } from './mm/mm.ts';
import { Net } from './net/net.ts';
import type { CallContext } from './syscall/context.ts';
import { asTask, syscallsOf, type Entry } from './syscall/syscalls.ts';
import { versionOf, type Core } from './task/core.ts';
import { Ids } from './task/ids.ts';
import { Ptrace } from './task/ptrace.ts';
import { Signals } from './task/signals.ts';
import type { Task } from './task/task.ts';
import { Tasks, type SpawnOptions } from './task/tasks.ts';

/** Nanoseconds that a booted machine has run, and what a system call takes. */
const BOOT_TIME = 1_000_000_000;
const CALL_TIME = 1000;
const INIT_COMM = 'systemd';
const DEFAULT_UMASK = 0o022;

export interface BootOptions {
  /** BTF of the kernel to be: it decides the layout of every struct. */
  readonly btf: Btf;
  /** As uname -r tells. */
  readonly release: string;
  /** As uname -v tells; default `#1 SMP PREEMPT_DYNAMIC`. */
  readonly version?: string | undefined;
  /** Lines of the kernel's configuration. */
  readonly config?: ReadonlyMap<string, string>;
  /** Default 2. */
  readonly possibleCpus?: number;
  /** Most bytes that kernel objects may take; default 1 GiB. */
  readonly memoryLimit?: number;
  /** Seed of the kernel's random numbers; default 1. */
  readonly seed?: number;
}

/** Counts of kernel objects. */
interface Census {
  readonly tasks: number;
  readonly files: number;
  readonly inodes: number;
  readonly dentries: number;
  readonly sockets: number;
}

/** A booted kernel. Everything is synchronous; `asKernel` shows it as the asynchronous `Kernel`. */
export class SimKernel {
  readonly release: string;
  readonly version: string;
  readonly possibleCpus: number;
  readonly config: ReadonlyMap<string, string>;
  readonly mem: KernelMemory;
  readonly layouts: Layouts;
  readonly lsm: Lsm;
  readonly tasks: Tasks;
  readonly vfs: Vfs;
  readonly net: Net;
  readonly cgroups: Cgroups;
  readonly bpf: Bpf;
  /** pid 1, root. */
  readonly init: Task;
  readonly #rooms: Omit<CallContext, 'task'>;
  readonly #entry: Entry;
  readonly #calls = new WeakMap<Task, Syscalls>();
  readonly #atBoot: Census;
  #now = BOOT_TIME;
  #syscalls: string[] = [];
  #random: number;

  constructor(options: BootOptions) {
    const { btf, release } = options;
    this.release = release;
    this.version = options.version ?? '#1 SMP PREEMPT_DYNAMIC';
    this.possibleCpus = options.possibleCpus ?? 2;
    this.config = options.config ?? new Map();
    this.#random = (options.seed ?? 1) >>> 0 || 1;
    this.mem = new KernelMemory(
      options.memoryLimit === undefined ? {} : { limit: options.memoryLimit },
    );
    this.layouts = new Layouts(btf, this.mem);
    this.lsm = new Lsm({
      mem: this.mem,
      layouts: this.layouts,
      btf,
      release,
      now: () => this.#now,
      task: () => describe(this.tasks.current),
      syscall: () => this.#syscalls.at(-1) ?? 'boot',
    });
    const core = this.#core();
    this.tasks = new Tasks(core);
    this.#registerCapability(core);
    const mapping = new Mapping(core);
    this.vfs = new Vfs(core, this.tasks);
    this.cgroups = new Cgroups(core);
    const root = mountRoot(this.vfs, this.tasks.namespaces.mnt);
    this.init = this.tasks.boot(
      {
        files: new FileTable(),
        fs: new FsContext(core, root, root, DEFAULT_UMASK),
        cgroup: this.cgroups.root,
        mm: new Mm(core, this.tasks.namespaces.user),
      },
      INIT_COMM,
    );
    this.init.mm?.setDumpable(1);
    fillRoot(this.vfs, root);
    this.net = new Net(this.vfs);
    this.#rooms = {
      vfs: this.vfs,
      mapping,
      net: this.net,
      exec: new Exec(this.vfs, mapping),
      ids: new Ids(core, this.tasks),
      signals: new Signals(core, this.tasks),
      ptrace: new Ptrace(core, this.tasks),
    };
    this.#entry = {
      tasks: this.tasks,
      lsm: this.lsm,
      begin: (name) => {
        this.#now += CALL_TIME;
        this.#syscalls.push(name);
      },
      end: () => this.#syscalls.pop(),
    };
    this.bpf = this.#bpf(btf, new AnonInodes(this.vfs));
    this.#atBoot = this.#census();
  }

  get btf(): Btf {
    return this.layouts.btf;
  }

  /** ktime in nanoseconds: each system call takes a microsecond. */
  get now(): number {
    return this.#now;
  }

  /** Lets time pass, in nanoseconds. */
  sleep(nanoseconds: number): void {
    this.#now += nanoseconds;
  }

  /** The task that acts. */
  get current(): Task {
    return this.tasks.current;
  }

  /**
   * A new task, child of init, with the ids and capabilities asked for.
   * @throws Error when a policy forbids the fork.
   */
  spawn(options: SpawnOptions = {}): Task {
    const task = this.#asCall(this.init, 'fork', () => this.tasks.spawn(this.init, options));
    if (typeof task === 'number') throw new Error(`fork for spawn failed: errno ${-task}`);
    return task;
  }

  /** fork(2). @returns the child or a negative errno. */
  fork(parent: Task): Task | number {
    return this.#asCall(parent, 'fork', () => this.tasks.fork(parent));
  }

  /** exit_group(2): 8 bits of status. */
  exit(task: Task, status = 0): void {
    if (task.alive)
      this.#asCall(task, 'exit_group', () => this.tasks.exit(task, (status & 255) << 8));
  }

  /** The system calls of the task. */
  syscall(task: Task): Syscalls {
    const known = this.#calls.get(task);
    if (known !== undefined) return known;
    const made = syscallsOf(this.#entry, this.#rooms, task);
    this.#calls.set(task, made);
    return made;
  }

  /** bpf(2). */
  bpfCall<C extends BpfCommand>(
    task: Task,
    command: C,
    attr: BpfCommands[C]['attr'],
  ): BpfResult<BpfCommands[C]['out']> {
    return this.#asCall(task, 'bpf', () => this.bpf.call(task, command, attr));
  }

  /** Maps the ring buffer behind a descriptor of the task. */
  ringbuf(task: Task, mapFd: number): BpfResult<RingReader> {
    return this.bpf.ringbuf(task, mapFd);
  }

  /** Calls a hook with arguments described as data. */
  fire(hook: string, args: FireArguments): Fired {
    return this.lsm.fire(hook, args);
  }

  /** The text for a `struct path` in kernel memory, as the current task sees it; -EINVAL when it is none. */
  dPath(path: Offset): string | number {
    return dPath(this.vfs, path);
  }

  /** The last decisions, oldest first. */
  decisions(): readonly Decision[] {
    return this.lsm.decisions;
  }

  /** Objects there are beyond those that the kernel booted with, described; inodes that still have a name are none. */
  leaks(): string[] {
    const now = this.#census();
    const counts = Object.entries(now).flatMap(([kind, count]) => {
      const more = count - this.#atBoot[kind as keyof Census];
      return more > 0 ? [`${more} ${kind}`] : [];
    });
    return [...counts, ...this.bpf.leaks()];
  }

  #census(): Census {
    const named = namesUnder(this.init.fs.root.dentry);
    return {
      tasks: this.tasks.count,
      files: this.vfs.files.live,
      inodes: this.vfs.inodes.live - new Set(named.map((dentry) => dentry.inode)).size,
      dentries: this.vfs.dentries.live - named.length,
      sockets: this.net.live,
    };
  }

  #core(): Core {
    return {
      mem: this.mem,
      layouts: this.layouts,
      structs: kernelStructs(this.layouts),
      lsm: this.lsm,
      version: versionOf(this.release),
      now: () => this.#now,
    };
  }

  #registerCapability({ mem, structs, lsm }: Core): void {
    const lsmOf = capabilityLsm({
      mem,
      structs,
      current: () => this.tasks.current.addr,
      capable: (cred, ns, cap, opts) => this.tasks.creds.capable(cred, ns, cap, opts),
    });
    lsm.register(lsmOf);
  }

  #bpf(btf: Btf, anon: AnonInodes): Bpf {
    const { mem, layouts, lsm, release, possibleCpus, tasks } = this;
    return new Bpf({
      mem,
      layouts,
      btf,
      lsm,
      release,
      possibleCpus,
      // CONFIG_BPF_UNPRIV_DEFAULT_OFF is the default of Linux.
      unprivilegedBpfDisabled: this.config.get('CONFIG_BPF_UNPRIV_DEFAULT_OFF') === 'n' ? 0 : 2,
      get current() {
        return tasks.current;
      },
      now: () => this.#now,
      randomU32: () => this.#nextRandom(),
      capable: (capability) => tasks.current.capable(capability),
      dPath: (path) => this.dPath(path),
      anonFile: (name, object, release) => anon.file(name, object, release),
      taskAt: (addr) => [...tasks.all].find((task) => task.addr === addr),
    });
  }

  #asCall<T>(task: Task, name: string, act: () => T): T {
    let result: T | undefined;
    asTask(this.#entry, task, name, undefined, () => {
      result = act();
      return 0;
    });
    return result as T;
  }

  /** xorshift32: the same seed gives the same numbers. */
  #nextRandom(): number {
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x >>> 0;
    return this.#random;
  }
}

const namesUnder = (dentry: Dentry): Dentry[] => [
  dentry,
  ...[...dentry.children.values()].flatMap(namesUnder),
];

const describe = (task: Task): Decision['task'] => ({
  pid: task.pid,
  tgid: task.tgid,
  comm: task.comm,
  uid: task.cred.uid,
});

/** Boots a kernel with this BTF: pid 1, a root file system, lo and eth0. */
export const bootKernel = (options: BootOptions): SimKernel => new SimKernel(options);
