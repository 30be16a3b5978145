import { ERRNO } from '../../abi/index.ts';
import type { DecidedBy, Decision, SourceLine } from '../../kernel/decision.ts';
import type { RunResult } from '../../vm/machine.ts';
import type { KernelMemory, Offset } from '../mem/memory.ts';
import type { HookParam, HookPrototype } from './hooks.ts';
import { resultRule, type ResultRule } from './results.ts';

const { EBUSY, E2BIG } = ERRNO;
/** BPF_MAX_TRAMP_LINKS on x86-64. */
const MAX_PROGRAMS = 38;

/** A BPF program as a hook runs it. */
export interface HookProgram {
  readonly name: string;
  readonly id: number;
  /** @param ctx offset of the array of 64-bit arguments, the return slot behind them. */
  run(ctx: Offset): RunResult;
  /** The source line that made the result of a run. */
  line(result: RunResult): SourceLine | undefined;
}

/** What a built-in LSM does at one hook: the arguments are those of {@link HookPoint.call}. */
export type StaticHook = (...args: number[]) => number;

/** What a hook needs from the LSM framework around it. */
export interface HookHost {
  readonly mem: KernelMemory;
  /** Opens a context for a chain of programs; undefined when hooks nest too deep. */
  enter(): Offset | undefined;
  leave(): void;
  record(
    hook: string,
    result: number,
    by: DecidedBy | undefined,
    programs: Decision['programs'],
  ): Decision;
}

type Ran = { name: string; id: number; result: number; fault?: string };

/**
 * One place of the kernel where LSMs are asked. Order: built-in LSMs as registered, then BPF programs, the one attached
 * last first (`__bpf_trampoline_link_prog` adds at the head).
 */
export class HookPoint {
  readonly name: string;
  /** Undefined when the booted kernel has no such hook: then it answers its default and nothing attaches. */
  readonly prototype: HookPrototype | undefined;
  /** The decision that the last call recorded, if it recorded one. */
  decision: Decision | undefined;

  readonly #host: HookHost;
  readonly #default: number;
  readonly #rule: ResultRule;
  readonly #lsms: { lsm: string; call: StaticHook; rule: (args: readonly number[]) => string }[] =
    [];
  readonly #after: ((...args: number[]) => void)[] = [];
  #programs: readonly HookProgram[] = [];
  #idle = true;

  constructor(host: HookHost, name: string, prototype: HookPrototype | undefined, value: number) {
    this.#host = host;
    this.name = name;
    this.prototype = prototype;
    this.#default = value;
    this.#rule = resultRule(name, prototype?.returnsVoid ?? false, value);
  }

  /** Nobody listens: a call gives the default. */
  get idle(): boolean {
    return this.#idle;
  }

  /**
   * Asks the LSMs. Pointer arguments are offsets into kernel memory, 0 for NULL, or raw addresses from 2^32 up;
   * others are integers. A struct of up to 8 bytes passed by value is its bytes as an integer, a longer one the offset
   * of its bytes.
   *
   * @returns what `security_<hook>` returns: 0, a negative errno, or what the hook defines.
   */
  call(...args: number[]): number {
    if (this.#idle) return this.#rule.start;
    const result = this.#ask(args);
    for (const listener of this.#after) listener(...args);
    return result;
  }

  /** Adds a built-in LSM behind those that are there. */
  register(lsm: string, call: StaticHook, rule: (args: readonly number[]) => string): void {
    if (this.prototype === undefined) return;
    this.#lsms.push({ lsm, call, rule });
    this.#idle = false;
  }

  /** Runs after all LSMs and programs were asked; its turn to release what hangs on the arguments. */
  after(listener: (...args: number[]) => void): void {
    if (this.prototype === undefined) return;
    this.#after.push(listener);
    this.#idle = false;
  }

  /** @returns 0, -EBUSY when the program is attached here, -E2BIG when the trampoline is full. */
  attach(program: HookProgram): number {
    if (this.#programs.length >= MAX_PROGRAMS) return -E2BIG;
    if (this.#programs.includes(program)) return -EBUSY;
    this.#programs = [program, ...this.#programs];
    this.#idle = false;
    return 0;
  }

  detach(program: HookProgram): void {
    this.#programs = this.#programs.filter((other) => other !== program);
    this.#idle = this.#lsms.length + this.#after.length + this.#programs.length === 0;
  }

  #ask(args: readonly number[]): number {
    const rule = this.#rule;
    let result = rule.start;
    this.decision = undefined;
    for (const lsm of this.#lsms) {
      const answer = lsm.call(...args);
      result = rule.next(result, answer);
      if (!rule.stops(answer)) continue;
      this.decision =
        answer < 0
          ? this.#host.record(this.name, result, denialOf(lsm.lsm, lsm.rule(args)), [])
          : undefined;
      return result;
    }
    const programs = this.#programs;
    if (programs.length === 0 || this.prototype === undefined) return result;
    const ran: Ran[] = [];
    const answer = this.#run(this.prototype, programs, args, ran);
    result = rule.next(result, answer.value);
    const denied = answer.value < 0 && rule.stops(answer.value);
    this.decision = this.#host.record(this.name, result, denied ? answer.by : undefined, ran);
    return result;
  }

  #run(
    prototype: HookPrototype,
    programs: readonly HookProgram[],
    args: readonly number[],
    ran: Ran[],
  ): { value: number; by?: DecidedBy } {
    const ctx = this.#host.enter();
    if (ctx === undefined) {
      for (const { name, id } of programs)
        ran.push({ name, id, result: 0, fault: 'hooks nest too deep' });
      return { value: this.#default };
    }
    try {
      writeContext(this.#host.mem, ctx, prototype, args);
      for (const program of programs) {
        const run = program.run(ctx);
        // The trampoline compares all 64 bits; the caller then sees an int.
        const value = run.lo | 0;
        const { name, id } = program;
        if (run.fault !== undefined) ran.push({ name, id, result: 0, fault: run.fault.message });
        else ran.push({ name, id, result: prototype.returnsVoid ? 0 : value });
        if (prototype.returnsVoid || (run.lo | run.hi) === 0) continue;
        return {
          value,
          by: value < 0 ? blame(program, run) : { layer: 'bpf', program: name, programId: id },
        };
      }
      return { value: this.#default };
    } finally {
      this.#host.leave();
    }
  }
}

const denialOf = (lsm: string, rule: string): DecidedBy => ({ layer: 'lsm', lsm, rule });

function blame(program: HookProgram, run: RunResult): DecidedBy {
  const line = program.line(run);
  const by = { layer: 'bpf', program: program.name, programId: program.id } as const;
  return line === undefined ? by : { ...by, line };
}

/** Lays the arguments out as the trampoline does: 64 bits each, then a return slot of 0. */
function writeContext(
  mem: KernelMemory,
  ctx: Offset,
  prototype: HookPrototype,
  args: readonly number[],
): void {
  const { params } = prototype;
  for (let i = 0; i < params.length; i++) {
    const param = params[i];
    if (param !== undefined) writeArgument(mem, ctx + param.slot * 8, param, args[i] ?? 0);
  }
  const end = ctx + prototype.slots * 8;
  mem.view.setUint32(end, 0, true);
  mem.view.setUint32(end + 4, 0, true);
}

function writeArgument(mem: KernelMemory, at: Offset, param: HookParam, value: number): void {
  if (param.kind === 'by-value' && param.size > 8) {
    mem.u8.copyWithin(at, value, value + param.size);
    return;
  }
  const { view } = mem;
  if (param.kind === 'pointer' && value > 0 && value < 2 ** 32) {
    view.setUint32(at, value, true);
    view.setInt32(at + 4, mem.baseHi, true);
    return;
  }
  // Registers hold integers narrower than 64 bits zero-extended.
  const narrow = param.kind !== 'pointer' && param.size < 8;
  const low = param.size === 1 ? value & 0xff : param.size === 2 ? value & 0xffff : value;
  view.setUint32(at, low >>> 0, true);
  view.setInt32(at + 4, narrow ? 0 : Math.floor(value / 2 ** 32), true);
}
