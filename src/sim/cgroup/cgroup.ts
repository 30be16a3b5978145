import type { Offset } from '../mem/memory.ts';
import type { Struct } from '../mem/structs.ts';
import type { Core } from '../task/core.ts';
import type { Task } from '../task/task.ts';

const ROOT_ID = 1;
const KERNFS_DIR = 1;

/** A cgroup of the unified hierarchy, with the css_set of the tasks in it. */
export class Cgroup {
  readonly s: Struct<'cgroup'>;
  readonly parent: Cgroup | undefined;
  readonly name: string;
  readonly tasks = new Set<Task>();
  readonly #core: Core;
  readonly #cset: Struct<'css_set'>;

  constructor(core: Core, id: number, name: string, parent: Cgroup | undefined) {
    this.#core = core;
    this.name = name;
    this.parent = parent;
    const level = parent === undefined ? 0 : parent.s.level + 1;
    this.s = core.structs.cgroup.alloc((level + 1) * 8);
    this.s.level = level;
    this.s.self_cgroup = this.s.dom_cgrp = this.addr;
    this.s.self_parent = parent === undefined ? 0 : parent.selfAddr;
    this.s.kn = this.#kernfsNode(id);
    const ancestors = core.structs.cgroup.fields.ancestors.at(this.addr);
    core.mem.writePointer(ancestors + level * 8, this.addr);
    for (let at = parent; at !== undefined; at = at.parent) {
      core.mem.writePointer(ancestors + at.s.level * 8, at.addr);
      at.s.nr_descendants += 1;
    }
    this.#cset = core.structs.css_set.alloc();
    this.#cset.dfl_cgrp = this.addr;
    this.#cset.dom_cset = this.#cset.addr;
  }

  get addr(): Offset {
    return this.s.addr;
  }

  /** Offset of its own cgroup_subsys_state. */
  get selfAddr(): Offset {
    return this.#core.structs.cgroup.fields.self.at(this.addr);
  }

  /** As bpf_get_current_cgroup_id() tells: the inode number of its directory. */
  get id(): number {
    return this.#core.structs.kernfs_node.at(this.s.kn).id;
  }

  /** From the root of the hierarchy: `/`, `/system.slice`. */
  get path(): string {
    const up = this.parent?.path ?? '';
    return this.parent === undefined ? '/' : `${up === '/' ? '' : up}/${this.name}`;
  }

  /** Moves the task here (cgroup_migrate). */
  attach(task: Task): void {
    task.cgroup.detach(task);
    this.tasks.add(task);
    this.#cset.nr_tasks += 1;
    task.cgroup = this;
    task.s.cgroups = this.#cset.addr;
  }

  /** The task leaves, as it exits or moves. */
  detach(task: Task): void {
    if (this.tasks.delete(task)) this.#cset.nr_tasks -= 1;
  }

  #kernfsNode(id: number): Offset {
    const { mem, structs } = this.#core;
    const node = structs.kernfs_node.alloc();
    node.id = id;
    node.name = mem.allocString(this.name);
    node.flags = KERNFS_DIR;
    node.mode = 0o40755;
    node.priv = this.addr;
    node.parent = this.parent?.s.kn ?? 0;
    return node.addr;
  }
}

/** The hierarchy of one kernel. */
export class Cgroups {
  readonly root: Cgroup;
  readonly #core: Core;
  readonly #byPath = new Map<string, Cgroup>();
  #lastId = ROOT_ID;

  constructor(core: Core) {
    this.#core = core;
    this.root = new Cgroup(core, ROOT_ID, '', undefined);
    this.#byPath.set('/', this.root);
  }

  /** The cgroup at this path, made with its parents if it is not there. */
  make(path: string): Cgroup {
    let at = this.root;
    for (const name of path.split('/').filter((part) => part !== '')) {
      const below = at === this.root ? `/${name}` : `${at.path}/${name}`;
      const known = this.#byPath.get(below);
      if (known !== undefined) {
        at = known;
        continue;
      }
      this.#lastId += 1;
      at = new Cgroup(this.#core, this.#lastId, name, at);
      this.#byPath.set(below, at);
    }
    return at;
  }
}
