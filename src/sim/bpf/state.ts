import type { Btf } from '../../btf/types.ts';
import { ERRNO, errnoName } from '../../abi/index.ts';
import type { Offset } from '../mem/memory.ts';
import type { AnonName, BpfFile, BpfHost, BpfTask } from './host.ts';
import { makeHelpers } from './helpers/table.ts';
import {
  STACK_SIZE,
  createRunner,
  prepare,
  type Executable,
  type HelperFunction,
  type Prepared,
  type RunResult,
  type Runner,
} from '../../vm/index.ts';
import { kernelObjects, type KernelObjects } from './kobjects.ts';
import type { BpfLink } from './link.ts';
import { BpfMap } from './map.ts';
import { Counted, IdTable, refuse } from './objects.ts';
import { BpfProgram } from './program.ts';

/**
 * Instructions in one run. No proof says yet that a program ends; bpf_loop's 8,388,608 rounds of a short callback fit.
 */
const FUEL = 200_000_000;
const FMODE_READ = 1;
const FMODE_WRITE = 2;
/** The kernel registers its own BTF before anybody else can load one. */
export const VMLINUX_BTF_ID = 1;

/** BTF that a program or map came with. */
export class BpfBtf extends Counted {
  readonly kind = 'btf';
  readonly id: number;
  readonly btf: Btf;
  readonly #table: IdTable<BpfBtf>;

  constructor(table: IdTable<BpfBtf>, btf: Btf) {
    super();
    this.#table = table;
    this.btf = btf;
    this.id = table.add(this);
  }

  protected override free(): void {
    this.#table.remove(this.id);
  }
}

/** All objects of bpf(2) in one kernel, and where helpers find them. */
export class BpfState {
  readonly host: BpfHost;
  readonly kernel: KernelObjects;
  readonly maps = new IdTable<BpfMap>();
  readonly programs = new IdTable<BpfProgram>();
  readonly links = new IdTable<BpfLink>();
  /** Id 1 is the kernel's own BTF. */
  readonly btfs = new IdTable<BpfBtf>(VMLINUX_BTF_ID + 1);
  /** By the offset of `struct bpf_map`. */
  readonly mapAt = new Map<Offset, BpfMap>();
  /** By the offset of `struct bpf_prog`. */
  readonly programAt = new Map<Offset, BpfProgram>();
  /** By number. */
  readonly helpers: readonly (HelperFunction | undefined)[];
  /** The program that runs as this code. */
  readonly programOf = new Map<Executable, BpfProgram>();
  /** Readers of ring buffers that sleep until some record is complete. */
  readonly sleepers = new Set<() => void>();
  /** What programs printed, as `trace_pipe` shows the messages. */
  readonly trace: string[] = [];

  /** One, with a stack of its own, for each program that runs inside another's helper. */
  readonly #runners: Runner[];
  #depth = 0;

  constructor(host: BpfHost) {
    this.host = host;
    this.kernel = kernelObjects(host.mem, host.layouts);
    this.helpers = makeHelpers(this);
    this.#runners = [this.#newRunner()];
  }

  /** Local storage goes with its owner (bpf_inode_storage_free, bpf_task_storage_free). */
  freeStorageWithOwners(): void {
    const { lsm } = this.host;
    const drop = (owner: Offset): void => {
      for (const map of this.mapAt.values()) map.ops.storage?.remove(owner);
    };
    lsm.hook('inode_free_security').after(drop);
    lsm.hook('task_free').after(drop);
    lsm.released = drop;
  }

  recordCommitted(): void {
    for (const wake of this.sleepers) wake();
  }

  /** Runs a program on a context. */
  run(program: Prepared, ctx: Offset): RunResult {
    const runner = (this.#runners[this.#depth] ??= this.#newRunner());
    this.#depth += 1;
    try {
      return runner(program, ctx);
    } finally {
      this.#depth -= 1;
    }
  }

  #newRunner(): Runner {
    const { mem } = this.host;
    const prepared = (executable: Executable): Prepared =>
      this.programOf.get(executable)?.prepared ?? prepare(executable);
    return createRunner({ memory: mem, stack: mem.alloc(STACK_SIZE), prepared, fuel: FUEL });
  }

  /** @throws Refusal with EBADF or EINVAL, as `bpf_map_get`. */
  map(task: BpfTask, fd: number): BpfMap {
    const { object } = this.#file(task, fd);
    return object instanceof BpfMap ? object : refuse(ERRNO.EINVAL, `fd ${fd} is no map`);
  }

  /** @throws Refusal with EBADF or EINVAL, as `bpf_prog_get`. */
  program(task: BpfTask, fd: number): BpfProgram {
    const { object } = this.#file(task, fd);
    return object instanceof BpfProgram ? object : refuse(ERRNO.EINVAL, `fd ${fd} is no program`);
  }

  /** @throws Refusal with EBADF or EINVAL, as `btf_get_by_fd`. */
  btf(task: BpfTask, fd: number): BpfBtf {
    const { object } = this.#file(task, fd);
    return object instanceof BpfBtf ? object : refuse(ERRNO.EINVAL, `fd ${fd} is no BTF object`);
  }

  /** A descriptor for the object, closed on exec; `release` gives back what it holds, also when this fails. */
  install(task: BpfTask, name: AnonName, object: Counted, release: () => void): number {
    const file = this.host.anonFile(name, object, release);
    if (typeof file === 'number') {
      release();
      return refuse(-file, `an LSM refused: ${errnoName(file)}`);
    }
    const fd = task.files.install(file, true);
    if (fd >= 0) return fd;
    file.put();
    return refuse(-fd, 'the task can open no more files');
  }

  /** Asks security_bpf_map and gives the map its first descriptor, or one more; takes over one user reference. */
  mapDescriptor(task: BpfTask, map: BpfMap): number {
    const mode = (map.userReadable ? FMODE_READ : 0) | (map.userWritable ? FMODE_WRITE : 0);
    const refused = this.host.lsm.hook('bpf_map').call(map.addr, mode);
    if (refused < 0) {
      map.putUser();
      refuse(-refused, `an LSM refused: ${errnoName(refused)}`);
    }
    return this.install(task, 'bpf-map', map, () => map.putUser());
  }

  /** Asks security_bpf_prog and gives the program a descriptor; takes over one reference. */
  programDescriptor(task: BpfTask, program: BpfProgram): number {
    const refused = this.host.lsm.hook('bpf_prog').call(program.addr);
    if (refused < 0) {
      program.put();
      refuse(-refused, `an LSM refused: ${errnoName(refused)}`);
    }
    return this.install(task, 'bpf-prog', program, () => program.put());
  }

  /** Descriptions of everything that lives. */
  leaks(): string[] {
    const out: string[] = [];
    for (const [id, map] of this.maps.entries()) out.push(`map ${id} ${map.name}`);
    for (const [id, program] of this.programs.entries()) out.push(`prog ${id} ${program.name}`);
    for (const [id, link] of this.links.entries()) out.push(`link ${id} of ${link.program.name}`);
    for (const [id] of this.btfs.entries()) out.push(`btf ${id}`);
    return out;
  }

  #file(task: BpfTask, fd: number): BpfFile {
    return task.files.get(fd) ?? refuse(ERRNO.EBADF, `fd ${fd} is not open`);
  }
}
