import { hookAttributes } from '../../abi/hooks.ts';
import type { Btf } from '../../btf/types.ts';
import type { DecidedBy, Decision } from '../../kernel/decision.ts';
import type { Layouts } from '../mem/layout.ts';
import type { KernelMemory, Offset } from '../mem/memory.ts';

import { DecisionLog } from './decisions.ts';
import { fire, type FireArguments, type Fired } from './fire.ts';
import { HookPoint, type StaticHook } from './hook-point.ts';
import { hookNames, hookPrototype } from './hooks.ts';

/** Contexts take at most 12 arguments and the return slot. */
const CONTEXT_BYTES = 128;
/** On Linux the kernel stack ends such a chain, with a crash. */
const MAX_NESTING = 16;

export interface LsmDeps {
  readonly mem: KernelMemory;
  readonly layouts: Layouts;
  readonly btf: Btf;
  /** As uname -r tells. */
  readonly release: string;
  /** ktime in nanoseconds. */
  now(): number;
  /** The task that acts. */
  task(): Decision['task'];
  /** Name of the system call that runs. */
  syscall(): string;
}

/** A built-in LSM: what it does at the hooks that it cares for. */
export interface StaticLsm {
  readonly name: string;
  readonly hooks: Readonly<Record<string, StaticHook>>;
  /** Says, for people, which of its rules denied. */
  rule?(hook: string, args: readonly number[]): string;
}

/** The LSM framework of one kernel: its hooks, who listens at them, and what was decided. */
export class Lsm {
  /** Names what the running system call is about; asked once for each function that is set here. */
  object: (() => string) | undefined;
  /** Told the offset of each object that {@link fire} made and takes back. */
  released: ((object: Offset) => void) | undefined;

  readonly #deps: LsmDeps;
  readonly #hooks = new Map<string, HookPoint>();
  readonly #log = new DecisionLog();
  readonly #contexts: Offset[];
  #depth = 0;
  #firing = 0;
  #named: { by: () => string; name: string } | undefined;

  constructor(deps: LsmDeps) {
    this.#deps = deps;
    this.#contexts = [deps.mem.alloc(CONTEXT_BYTES)];
  }

  /** The last decisions, oldest first. */
  get decisions(): readonly Decision[] {
    return this.#log.list();
  }

  /** The hook of this name (without `bpf_lsm_`), inert when the booted kernel has none. */
  hook(name: string): HookPoint {
    const known = this.#hooks.get(name);
    if (known !== undefined) return known;
    const prototype = hookPrototype(this.#deps.btf, name);
    const made = new HookPoint(
      this,
      name,
      prototype,
      hookAttributes(this.#deps.release, name).defaultResult,
    );
    this.#hooks.set(name, made);
    return made;
  }

  /** Names of all hooks of the booted kernel. */
  hookNames(): string[] {
    return hookNames(this.#deps.btf);
  }

  /** Adds a built-in LSM; they are asked in the order of registration, before BPF. */
  register(lsm: StaticLsm): void {
    for (const [name, call] of Object.entries(lsm.hooks))
      this.hook(name).register(lsm.name, call, (args) => lsm.rule?.(name, args) ?? name);
  }

  /**
   * Records that a check outside any hook denied.
   * @param errno positive.
   * @returns -errno.
   */
  deniedByDac(rule: string, errno: number): number {
    this.record(undefined, -errno, { layer: 'dac', rule }, []);
    return -errno;
  }

  /**
   * Calls a hook directly, with arguments described as data (see {@link fire}).
   * @throws HookArgumentError when there is no such hook or the arguments do not fit its prototype.
   */
  fire(hook: string, args: FireArguments): Fired {
    this.#firing += 1;
    try {
      return fire({ ...this.#deps, hook: (name) => this.hook(name), host: this }, hook, args);
    } finally {
      this.#firing -= 1;
    }
  }

  get mem(): KernelMemory {
    return this.#deps.mem;
  }

  enter(): Offset | undefined {
    if (this.#depth >= MAX_NESTING) return undefined;
    const ctx = (this.#contexts[this.#depth] ??= this.#deps.mem.alloc(CONTEXT_BYTES));
    this.#depth += 1;
    return ctx;
  }

  leave(): void {
    this.#depth -= 1;
  }

  /** Adds a decision to the log; what the caller does not say is the present state. */
  record(
    hook: string | undefined,
    result: number,
    by: DecidedBy | undefined,
    programs: Decision['programs'],
  ): Decision {
    const deps = this.#deps;
    const firing = this.#firing > 0;
    const decision: Decision = {
      seq: this.#log.nextSeq,
      time: deps.now(),
      syscall: firing ? 'fire' : deps.syscall(),
      hook,
      task: deps.task(),
      object: firing ? undefined : this.#objectName(),
      result,
      by,
      programs,
    };
    this.#log.add(decision);
    return decision;
  }

  #objectName(): string | undefined {
    const by = this.object;
    if (by === undefined) return undefined;
    if (this.#named?.by !== by) this.#named = { by, name: by() };
    return this.#named.name;
  }
}
