import { REGISTERS, decodeAt, formatInsn } from '../isa/index.ts';
import { interpret } from './interpret.ts';
import { FRAME_SIZE, MAX_FRAMES, STACK_SIZE } from './machine.ts';
import type { Call, Executable, Fault, LinearMemory, RunResult } from './machine.ts';
import { STRIDE, insnOfCodeAddress, prepare } from './prepare.ts';
import type { Prepared } from './prepare.ts';

const MAX_TAIL_CALLS = 33;
/** What Linux gives each entry of a function for its `may_goto`s (`BPF_MAX_LOOPS`). */
const MAX_LOOPS = 8 * 1024 * 1024;
const DEFAULT_FUEL = 1_000_000_000;

export interface RunnerOptions {
  readonly memory: LinearMemory;
  /** Offset of {@link STACK_SIZE} bytes, aligned to 8, that no other run uses meanwhile. */
  readonly stack: number;
  /** Instructions that the run may take, callbacks and tail calls included; 10^9 when left out. */
  readonly fuel?: number;
  /** How to get programs that are tail-called: a cache of the caller's, or {@link prepare} itself. */
  readonly prepared?: (program: Executable) => Prepared;
}

export interface RunOptions extends RunnerOptions {
  /** Offset of the context, whose address is r1 at the entry. */
  readonly ctx: number;
}

/** Runs a program on a context. */
export type Runner = (program: Prepared, ctx: number) => RunResult;

/**
 * What runs programs one after another on one stack. A run is to its exit or its first fault. Programs need not be
 * verified: a bad instruction, address or call is a fault of the run and touches nothing but `memory`.
 */
export function createRunner(options: RunnerOptions): Runner {
  // Made once: its arrays cost more than a short program.
  const state = new Run(options);
  return (program, ctx) => {
    state.start(program, ctx);
    const done = interpret(state, 0, 0);
    return {
      lo: done ? state.lo[0]! : 0,
      hi: done ? state.hi[0]! : 0,
      fault: state.failure,
      steps: state.steps,
      originInsn: done ? state.origins[0]! : -1,
      program: state.code.executable,
    };
  };
}

/** One run by {@link createRunner}. */
export const run = (program: Prepared, { ctx, ...options }: RunOptions): RunResult =>
  createRunner(options)(program, ctx);

/** Stands in `code` before the first run. */
const NOTHING = prepare({
  name: '',
  code: new Uint8Array(0),
  helpers: () => undefined,
  kfuncs: () => undefined,
});

/** r6–r9 as lo, hi and origin each. */
const SAVED = 12;

/** Everything that one run has apart from the memory; helpers see it as their `Call`. */
export class Run implements Call {
  readonly lo = new Int32Array(REGISTERS);
  readonly hi = new Int32Array(REGISTERS);
  /** Instruction that made the value of each register, -1 when unknown. */
  readonly origins = new Int32Array(REGISTERS);
  /** The same for each 4 bytes of the stack, plus 1, so that a new array knows nothing. */
  readonly stackOrigins = new Int32Array(STACK_SIZE / 4);
  readonly memory: LinearMemory;
  ctx = 0;
  readonly stack: number;
  readonly fuel: number;
  /** Iterations left to the `may_goto`s of each frame. */
  readonly loops = new Int32Array(MAX_FRAMES);
  steps = 0;
  /** Program of the current frame. */
  code: Prepared = NOTHING;
  /** Current frame, from 0. */
  depth = 0;
  failure: Fault | undefined;

  readonly #saved = new Int32Array(MAX_FRAMES * SAVED);
  readonly #returns = new Int32Array(MAX_FRAMES);
  readonly #callers: Prepared[] = [];
  readonly #prepared: (program: Executable) => Prepared;
  #tailCalls = 0;
  #next: Executable | undefined;
  /** Instruction that is calling a helper. */
  #caller = 0;

  constructor({ memory, stack, fuel = DEFAULT_FUEL, prepared = prepare }: RunnerOptions) {
    this.memory = memory;
    this.stack = stack;
    this.fuel = fuel;
    this.#prepared = prepared;
  }

  /** Makes ready for a run; nothing of the one before is left. */
  start(program: Prepared, ctx: number): void {
    this.code = program;
    this.ctx = ctx;
    this.steps = this.depth = this.#tailCalls = this.#caller = 0;
    this.failure = undefined;
    this.#next = undefined;
    this.lo.fill(0);
    this.hi.fill(0);
    this.origins.fill(-1);
    this.stackOrigins.fill(0);
    this.#pointToContext();
    this.#openFrame();
  }

  get program(): Executable {
    return this.code.executable;
  }

  /** Starts a frame that returns to word `at`; false when there are 8 already. */
  enter(at: number, insn: number): boolean {
    if (this.depth + 1 >= MAX_FRAMES)
      return this.fail('stack', insn, `the call stack is deeper than ${MAX_FRAMES} frames`);
    const { lo, hi, origins } = this;
    const saved = this.#saved;
    for (let r = 6, to = this.depth * SAVED; r < 10; r += 1, to += 3) {
      saved[to] = lo[r]!;
      saved[to + 1] = hi[r]!;
      saved[to + 2] = origins[r]!;
    }
    this.#returns[this.depth] = at;
    this.#callers[this.depth] = this.code;
    this.depth += 1;
    this.#openFrame();
    return true;
  }

  /** Ends the current frame; the word to go on at, in the program that called. */
  leave(): number {
    this.depth -= 1;
    const caller = this.#callers[this.depth]!;
    if (caller !== this.code) this.origins[0] = -1;
    this.code = caller;
    const { lo, hi, origins } = this;
    const saved = this.#saved;
    for (let r = 6, from = this.depth * SAVED; r < 10; r += 1, from += 3) {
      lo[r] = saved[from]!;
      hi[r] = saved[from + 1]!;
      origins[r] = saved[from + 2]!;
    }
    this.#pointToFrame();
    return this.#returns[this.depth]!;
  }

  /**
   * Calls function `index` of the program.
   * @returns false when the run has faulted.
   */
  callFunction(index: number, insn: number): boolean {
    const helper = this.code.functions[index];
    if (helper === undefined) return this.#failUnknownFunction(insn);
    this.#forgetStackOrigins();
    this.#caller = insn;
    helper(this);
    this.origins[0] = insn;
    return this.failure === undefined;
  }

  /** True once after a helper made a tail call: the current frame has a new program. */
  takeTailCall(): boolean {
    const next = this.#next;
    if (next === undefined) return false;
    this.#next = undefined;
    if (this.#tailCalls === MAX_TAIL_CALLS) return false;
    this.#tailCalls += 1;
    this.code = this.#prepared(next);
    this.#pointToContext();
    this.loops[this.depth] = MAX_LOOPS;
    // They counted in the program that has gone.
    this.origins.fill(-1);
    this.stackOrigins.fill(0);
    return true;
  }

  callback(codeAddress: number, args: readonly (readonly [lo: number, hi: number])[]): number {
    const insn = this.#caller;
    const start = insnOfCodeAddress(codeAddress, this.code.slots);
    if (this.failure !== undefined) return 1;
    if (start < 0) {
      this.fail('helper-argument', insn, 'the callback is no function of the program');
      return 1;
    }
    if (!this.enter(-1, insn)) return 1;
    args.forEach(([lo, hi], i) => {
      this.lo[i + 1] = lo;
      this.hi[i + 1] = hi;
      this.origins[i + 1] = insn;
    });
    const done = interpret(this, start * STRIDE, this.depth);
    if (done) this.leave();
    this.#caller = insn;
    return done ? this.lo[0]! : 1;
  }

  tailCall(program: Executable): void {
    this.#next = program;
  }

  fault(message: string): void {
    this.fail('helper-argument', this.#caller, message);
  }

  /** Records the first fault of the run; false for the caller to return. */
  fail(kind: Fault['kind'], insn: number, message: string): false {
    this.failure ??= { kind, insn, message };
    return false;
  }

  /** @param off what the instruction adds to the address in its base register. */
  failAccess(insn: number, what: string, lo: number, hi: number, off: number): false {
    const address = BigInt.asUintN(64, (BigInt(hi) << 32n) + BigInt(lo >>> 0) + BigInt(off));
    return this.fail('memory', insn, `${what} at ${hex(address)}: ${this.#text(insn)}`);
  }

  /** A load where nothing is mapped: 0 if the instruction is a probe, else a fault and false. */
  badLoad(insn: number, dst: number, lo: number, hi: number, off: number): boolean {
    if (!this.program.isProbe?.(insn)) return this.failAccess(insn, 'load', lo, hi, off);
    this.lo[dst] = this.hi[dst] = 0;
    this.origins[dst] = insn;
    return true;
  }

  failInstruction(insn: number): false {
    const inside = insn < this.code.slots;
    return this.fail(
      'instruction',
      insn,
      inside ? `cannot run: ${this.#text(insn)}` : 'ran out of the end of the program',
    );
  }

  #failUnknownFunction(insn: number): false {
    const { src, imm } = decodeAt(this.program.code, insn);
    const what = src === 0 ? 'helper' : 'kernel function';
    return this.fail('helper', insn, `unknown ${what} ${imm}`);
  }

  #text(insn: number): string {
    return formatInsn(decodeAt(this.program.code, insn));
  }

  #pointToContext(): void {
    this.lo[1] = this.ctx;
    this.hi[1] = this.ctx === 0 ? 0 : this.memory.baseHi;
  }

  #openFrame(): void {
    this.#pointToFrame();
    this.loops[this.depth] = MAX_LOOPS;
  }

  #pointToFrame(): void {
    this.lo[10] = this.stack + (this.depth + 1) * FRAME_SIZE;
    this.hi[10] = this.memory.baseHi;
  }

  /** A helper may fill the stack upwards from any pointer that it gets, so what lies there has no known origin. */
  #forgetStackOrigins(): void {
    for (let r = 1; r <= 5; r += 1) {
      const at = this.lo[r]! - this.stack;
      if (at < 0 || at >= STACK_SIZE || this.hi[r] !== this.memory.baseHi) continue;
      this.stackOrigins.fill(0, at >> 2, (Math.floor(at / FRAME_SIZE) + 1) * (FRAME_SIZE / 4));
    }
  }
}

/** An address as Linux prints one. */
const hex = (address: bigint): string => `0x${address.toString(16).padStart(16, '0')}`;
