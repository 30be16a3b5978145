import { ALL_CAPS, NO_CAPS, capSubset, readCaps, writeCaps, type CapSet } from '../mem/capset.ts';
import type { Offset } from '../mem/memory.ts';
import type { Struct } from '../mem/structs.ts';
import { GFP_KERNEL, hookPoints, type Core } from './core.ts';

export type Cred = Struct<'cred'>;
export type CapKind =
  'cap_inheritable' | 'cap_permitted' | 'cap_effective' | 'cap_bset' | 'cap_ambient';

const HOOKS = ['cred_prepare', 'cred_free', 'capable'] as const;
const NGROUPS_BYTES = 4;

export interface CredInit {
  readonly uid: number;
  readonly gid: number;
  readonly groups?: readonly number[];
  readonly caps: CapSet;
}

/** Credentials (kernel/cred.c): never changed once in use; whoever wants others prepares a copy and commits it. */
export class Creds {
  readonly #core: Core;
  readonly #hooks;
  readonly #initUserNs: Offset;

  constructor(core: Core, initUserNs: Offset) {
    this.#core = core;
    this.#initUserNs = initUserNs;
    this.#hooks = hookPoints(core.lsm, HOOKS);
  }

  at(addr: Offset): Cred {
    return this.#core.structs.cred.at(addr);
  }

  /** A cred from nothing, for tasks that no task forked. */
  make(init: CredInit): Cred {
    const cred = this.#core.structs.cred.alloc();
    cred.usage = 1;
    cred.user_ns = this.#initUserNs;
    cred.group_info = this.#groupInfo([]);
    this.set(cred, init);
    return cred;
  }

  /** Gives a cred that nobody uses yet the ids and capabilities of `init`. */
  set(cred: Cred, { uid, gid, groups = [], caps }: CredInit): void {
    cred.uid = cred.suid = cred.euid = cred.fsuid = uid;
    cred.gid = cred.sgid = cred.egid = cred.fsgid = gid;
    this.#putGroups(cred.group_info);
    cred.group_info = this.#groupInfo(groups);
    this.setCaps(cred, 'cap_permitted', caps);
    this.setCaps(cred, 'cap_effective', caps);
    this.setCaps(cred, 'cap_inheritable', NO_CAPS);
    this.setCaps(cred, 'cap_ambient', NO_CAPS);
    this.setCaps(cred, 'cap_bset', ALL_CAPS);
  }

  caps(cred: Cred, kind: CapKind): CapSet {
    return readCaps(this.#core.mem, this.#core.structs.cred.fields[kind].at(cred.addr));
  }

  setCaps(cred: Cred, kind: CapKind, set: CapSet): void {
    writeCaps(this.#core.mem, this.#core.structs.cred.fields[kind].at(cred.addr), set);
  }

  /** prepare_creds(): a copy to change; undefined when an LSM refused, which callers turn into -ENOMEM. */
  prepare(old: Cred): Cred | undefined {
    const { mem, structs } = this.#core;
    const next = structs.cred.alloc();
    mem.u8.copyWithin(next.addr, old.addr, old.addr + structs.cred.size);
    next.usage = 1;
    structs.group_info.at(next.group_info).usage += 1;
    const refused = this.#hooks.cred_prepare.call(next.addr, old.addr, GFP_KERNEL);
    if (refused >= 0) return next;
    this.put(next);
    return undefined;
  }

  get(cred: Cred): Cred {
    cred.usage += 1;
    return cred;
  }

  put(cred: Cred): void {
    cred.usage -= 1;
    if (cred.usage > 0) return;
    this.#hooks.cred_free.call(cred.addr);
    this.#putGroups(cred.group_info);
    this.#core.mem.free(cred.addr);
  }

  /** security_capable() for `cred` in `userNs`. @returns 0 or a negative errno. */
  capable(cred: Offset, userNs: Offset, cap: number, opts = 0): number {
    return this.#hooks.capable.call(cred, userNs, cap, opts);
  }

  /** Whether `gid` is the cred's fsgid or one of its supplementary groups (in_group_p). */
  inGroup(cred: Cred, gid: number): boolean {
    if (cred.fsgid === gid) return true;
    const { mem, structs } = this.#core;
    const groups = structs.group_info.at(cred.group_info);
    const ids = structs.group_info.fields.gid.at(groups.addr);
    for (let i = 0; i < groups.ngroups; i++)
      if (mem.view.getUint32(ids + i * 4, true) === gid) return true;
    return false;
  }

  /** Whether a task that changes from `old` to `next` may no longer be looked into (commit_creds). */
  losesDumpable(old: Cred, next: Cred): boolean {
    return (
      old.euid !== next.euid ||
      old.egid !== next.egid ||
      old.fsuid !== next.fsuid ||
      old.fsgid !== next.fsgid ||
      !capSubset(this.caps(next, 'cap_permitted'), this.caps(old, 'cap_permitted'))
    );
  }

  #groupInfo(groups: readonly number[]): Offset {
    const { mem, structs } = this.#core;
    const sorted = groups.toSorted((a, b) => a - b);
    const info = structs.group_info.alloc(sorted.length * NGROUPS_BYTES);
    info.usage = 1;
    info.ngroups = sorted.length;
    const ids = structs.group_info.fields.gid.at(info.addr);
    sorted.forEach((gid, i) => mem.view.setUint32(ids + i * 4, gid, true));
    return info.addr;
  }

  #putGroups(addr: Offset): void {
    const info = this.#core.structs.group_info.at(addr);
    info.usage -= 1;
    if (info.usage === 0) this.#core.mem.free(addr);
  }
}
