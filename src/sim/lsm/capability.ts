import { CAP, ERRNO, PTRACE_MODE } from '../../abi/index.ts';
import {
  NO_CAPS,
  capHas,
  capIntersect,
  capSetOf,
  capSubset,
  capUnion,
  capWithout,
  readCaps,
  writeCaps,
  type CapSet,
} from '../mem/capset.ts';
import type { KernelMemory, Offset } from '../mem/memory.ts';
import type { Struct, Structs } from '../mem/structs.ts';
import type { StaticLsm } from './lsm.ts';

const { EPERM } = ERRNO;

const SECURE_NOROOT = 1 << 0;
const SECURE_NO_SETUID_FIXUP = 1 << 2;
const SECURE_KEEP_CAPS = 1 << 4;
const LSM_SETID_FS = 8;
const CAP_OPT_NOAUDIT = 2;
const LSM_UNSAFE_PTRACE = 2;
const LSM_UNSAFE_NO_NEW_PRIVS = 4;
/** vm.mmap_min_addr as Debian sets it. */
const MMAP_MIN_ADDR = 65536;
/** What changing fsuid from or to 0 drops or gives back (CAP_FS_MASK). */
const FS_CAPS = capSetOf([
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_LINUX_IMMUTABLE',
  'CAP_MKNOD',
  'CAP_MAC_OVERRIDE',
]);

type Cred = Struct<'cred'>;
type CapKind = 'cap_inheritable' | 'cap_permitted' | 'cap_effective' | 'cap_bset' | 'cap_ambient';

export interface CapabilityDeps {
  readonly mem: KernelMemory;
  readonly structs: Structs;
  /** The task that acts. */
  readonly current: () => Offset;
  /** security_capable(): asks all LSMs, this one first. */
  readonly capable: (cred: Offset, userNs: Offset, cap: number, opts: number) => number;
}

/** The capability LSM of Linux (security/commoncap.c), without file capabilities. */
export function capabilityLsm(deps: CapabilityDeps): StaticLsm {
  const rules = new Capability(deps);
  return {
    name: 'capability',
    hooks: {
      capable: (cred, ns, cap) => rules.capable(cred, ns, cap),
      ptrace_access_check: (child, mode) => rules.ptraceAccess(child, mode),
      ptrace_traceme: (parent) => rules.ptraceTraceme(parent),
      bprm_creds_from_file: (bprm, file) => rules.bprmCreds(bprm, file),
      task_fix_setuid: (next, old, flags) => rules.fixSetuid(next, old, flags),
      mmap_addr: (addr) => rules.mmapAddr(addr),
    },
    rule: (hook, args) => (hook === 'capable' ? `lacks ${capabilityName(args[2])}` : hook),
  };
}

const NAMES = Object.entries(CAP);
const capabilityName = (cap = -1): string =>
  `CAP_${NAMES.find(([, number]) => number === cap)?.[0] ?? cap}`;

class Capability {
  readonly #deps: CapabilityDeps;

  constructor(deps: CapabilityDeps) {
    this.#deps = deps;
  }

  /** cap_capable(): in the effective set, or the owner of the namespace seen from its parent. */
  capable(credAddr: Offset, targetNs: Offset, cap: number): number {
    const { structs } = this.#deps;
    const cred = structs.cred.at(credAddr);
    const own = structs.user_namespace.at(cred.user_ns);
    let ns = structs.user_namespace.at(targetNs);
    for (;;) {
      if (ns.addr === own.addr) return capHas(this.#caps(cred, 'cap_effective'), cap) ? 0 : -EPERM;
      if (ns.level <= own.level) return -EPERM;
      if (ns.parent === own.addr && ns.owner === cred.euid) return 0;
      ns = structs.user_namespace.at(ns.parent);
    }
  }

  /** cap_ptrace_access_check(): the tracer has at least the capabilities of the other task. */
  ptraceAccess(child: Offset, mode: number): number {
    const { structs } = this.#deps;
    const cred = structs.cred.at(this.#currentCred());
    // With FSCREDS the caller acts with its effective capabilities.
    const kind = (mode & PTRACE_MODE.FSCREDS) !== 0 ? 'cap_effective' : 'cap_permitted';
    const target = structs.cred.at(structs.task_struct.at(child).real_cred);
    return this.#mayTrace(cred, kind, target, cred.addr);
  }

  /** cap_ptrace_traceme(): the same seen from the child. */
  ptraceTraceme(parent: Offset): number {
    const { structs } = this.#deps;
    const tracer = structs.cred.at(structs.task_struct.at(parent).real_cred);
    return this.#mayTrace(
      tracer,
      'cap_permitted',
      structs.cred.at(this.#currentCred()),
      tracer.addr,
    );
  }

  #mayTrace(tracer: Cred, kind: CapKind, target: Cred, asking: Offset): number {
    const { capable } = this.#deps;
    const has = this.#caps(tracer, kind);
    if (tracer.user_ns === target.user_ns && capSubset(this.#caps(target, 'cap_permitted'), has))
      return 0;
    return capable(asking, target.user_ns, CAP.SYS_PTRACE, 0) === 0 ? 0 : -EPERM;
  }

  /** cap_bprm_creds_from_file(): what the new program may do; a root user gets everything in its bounding set. */
  bprmCreds(bprmAddr: Offset, _file: Offset): number {
    const { structs } = this.#deps;
    const bprm = structs.linux_binprm.at(bprmAddr);
    const old = structs.cred.at(this.#currentCred());
    const next = structs.cred.at(bprm.cred);
    const noRoot = (next.securebits & SECURE_NOROOT) !== 0;
    let permitted = NO_CAPS;
    let effective = false;
    if (!noRoot && (next.euid === 0 || next.uid === 0)) {
      permitted = capUnion(this.#caps(old, 'cap_bset'), this.#caps(old, 'cap_inheritable'));
      effective = next.euid === 0;
    }
    const setid = next.euid !== old.uid || next.egid !== old.gid;
    if (setid || !capSubset(permitted, this.#caps(old, 'cap_permitted')))
      permitted = this.#withoutUnsafeGain(bprm, next, old, permitted);
    next.suid = next.fsuid = next.euid;
    next.sgid = next.fsgid = next.egid;
    if (setid) this.#setCaps(next, 'cap_ambient', NO_CAPS);
    const ambient = this.#caps(next, 'cap_ambient');
    permitted = capUnion(permitted, ambient);
    this.#setCaps(next, 'cap_permitted', permitted);
    this.#setCaps(next, 'cap_effective', effective ? permitted : ambient);
    next.securebits &= ~SECURE_KEEP_CAPS;
    const gained = next.uid !== 0 && (effective || !capSubset(permitted, ambient));
    if (setid || gained) bprm.secureexec = 1;
    return 0;
  }

  /** Whoever traces the task or shares its state must not gain by its exec. */
  #withoutUnsafeGain(
    bprm: Struct<'linux_binprm'>,
    next: Cred,
    old: Cred,
    permitted: CapSet,
  ): CapSet {
    const { capable } = this.#deps;
    const unsafe = bprm.unsafe;
    if ((unsafe & ~LSM_UNSAFE_PTRACE) === 0 && this.#tracerCapable(next.user_ns)) return permitted;
    if (
      capable(old.addr, next.user_ns, CAP.SETUID, 0) !== 0 ||
      (unsafe & LSM_UNSAFE_NO_NEW_PRIVS) !== 0
    ) {
      next.euid = next.uid;
      next.egid = next.gid;
    }
    return capIntersect(permitted, this.#caps(old, 'cap_permitted'));
  }

  /** ptracer_capable(): nobody traces the task, or a tracer that may trace anything. */
  #tracerCapable(userNs: Offset): boolean {
    const { structs, current, capable } = this.#deps;
    const tracer = structs.task_struct.at(current()).ptracer_cred;
    return tracer === 0 || capable(tracer, userNs, CAP.SYS_PTRACE, CAP_OPT_NOAUDIT) === 0;
  }

  /** cap_task_fix_setuid(): leaving uid 0 drops capabilities, coming to it raises the effective ones. */
  fixSetuid(nextAddr: Offset, oldAddr: Offset, flags: number): number {
    const { structs } = this.#deps;
    const next = structs.cred.at(nextAddr);
    const old = structs.cred.at(oldAddr);
    if ((next.securebits & SECURE_NO_SETUID_FIXUP) !== 0) return 0;
    if (flags === LSM_SETID_FS) this.#fixFsuid(next, old);
    else this.#emulateSetuid(next, old);
    return 0;
  }

  #emulateSetuid(next: Cred, old: Cred): void {
    const wasRoot = old.uid === 0 || old.euid === 0 || old.suid === 0;
    if (wasRoot && next.uid !== 0 && next.euid !== 0 && next.suid !== 0) {
      if ((next.securebits & SECURE_KEEP_CAPS) === 0) {
        this.#setCaps(next, 'cap_permitted', NO_CAPS);
        this.#setCaps(next, 'cap_effective', NO_CAPS);
      }
      this.#setCaps(next, 'cap_ambient', NO_CAPS);
    }
    if (old.euid === 0 && next.euid !== 0) this.#setCaps(next, 'cap_effective', NO_CAPS);
    if (old.euid !== 0 && next.euid === 0)
      this.#setCaps(next, 'cap_effective', this.#caps(next, 'cap_permitted'));
  }

  #fixFsuid(next: Cred, old: Cred): void {
    const effective = this.#caps(next, 'cap_effective');
    if (old.fsuid === 0 && next.fsuid !== 0)
      this.#setCaps(next, 'cap_effective', capWithout(effective, FS_CAPS));
    if (old.fsuid !== 0 && next.fsuid === 0) {
      const raised = capIntersect(this.#caps(next, 'cap_permitted'), FS_CAPS);
      this.#setCaps(next, 'cap_effective', capUnion(effective, raised));
    }
  }

  /** cap_mmap_addr(): only CAP_SYS_RAWIO may map the lowest pages, so that NULL stays a trap. */
  mmapAddr(addr: number): number {
    if (addr >= MMAP_MIN_ADDR) return 0;
    const { structs, capable } = this.#deps;
    const cred = this.#currentCred();
    return capable(cred, structs.cred.at(cred).user_ns, CAP.SYS_RAWIO, 0);
  }

  #currentCred(): Offset {
    const { structs, current } = this.#deps;
    return structs.task_struct.at(current()).cred;
  }

  #caps(cred: Cred, kind: CapKind): CapSet {
    const { mem, structs } = this.#deps;
    return readCaps(mem, structs.cred.fields[kind].at(cred.addr));
  }

  #setCaps(cred: Cred, kind: CapKind, set: CapSet): void {
    const { mem, structs } = this.#deps;
    writeCaps(mem, structs.cred.fields[kind].at(cred.addr), set);
  }
}
