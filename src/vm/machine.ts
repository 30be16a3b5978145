/**
 * The memory a program runs on: one linear memory. An address is 64 bits; its high half must be `baseHi` and its low
 * half is the offset into this memory. Page zero of the offsets is never mapped, so NULL plus a field offset faults.
 *
 * The views are replaced when the memory grows: read them through this object after anything that may allocate.
 */
export interface LinearMemory {
  readonly u8: Uint8Array;
  readonly view: DataView;
  /** In bytes. */
  readonly size: number;
  /** High 32 bits of every kernel address, as an int32. */
  readonly baseHi: number;
}

/** First offset that an access may touch. */
export const FIRST_MAPPED_OFFSET = 4096;

/** Frames of a run, those of callbacks included, and bytes of stack in each (`MAX_CALL_FRAMES`, `MAX_BPF_STACK`). */
export const MAX_FRAMES = 8;
export const FRAME_SIZE = 512;
export const STACK_SIZE = MAX_FRAMES * FRAME_SIZE;

/**
 * The eleven 64-bit registers as two int32 halves: a BigInt a register would cost four times as much.
 * A helper reads its arguments r1–r5 from here and leaves its result in r0.
 */
export interface Registers {
  readonly lo: Int32Array;
  readonly hi: Int32Array;
}

/** What a helper or kfunc may do with the run that called it. */
export interface Call extends Registers {
  readonly memory: LinearMemory;
  /** Program whose code runs: helpers that depend on the program (storage, tail calls, ring buffers) ask it. */
  readonly program: Executable;
  /** Offset of the context that the program was entered with, for helpers that take one implicitly. */
  readonly ctx: number;
  /**
   * Runs a BPF function of the same program (a callback of bpf_loop, bpf_for_each_map_elem…).
   * It changes r0–r5: read the helper's own arguments before.
   * @param codeAddress lo half of the function pointer that the program passed.
   * @param args up to five arguments as [lo, hi] pairs.
   * @returns low half of the callback's r0; 1 when the run has faulted, which ends the loops of helpers.
   */
  callback(codeAddress: number, args: readonly (readonly [lo: number, hi: number])[]): number;
  /**
   * The frame that called goes on as `program` from its start, with the same context (bpf_tail_call). Nothing happens
   * after 33 of them in one run, as on Linux: the program then goes on behind its call.
   */
  tailCall(program: Executable): void;
  /** Ends the run with a fault of kind `helper-argument` at the calling instruction, once the helper returns. */
  fault(message: string): void;
}

export type HelperFunction = (call: Call) => void;

/** A program as the machine runs it: linked code whose map references are kernel addresses. */
export interface Executable {
  readonly name: string;
  /** 8 bytes an instruction, little endian. */
  readonly code: Uint8Array;
  /** Helper by number; undefined is a fault that names the number. */
  readonly helpers: (id: number) => HelperFunction | undefined;
  /** Kernel function by the BTF id in `imm`. */
  readonly kfuncs: (btfId: number) => HelperFunction | undefined;
  /**
   * Loads that give 0 where nothing is mapped: those through untrusted BTF pointers, which Linux compiles to
   * PROBE_MEM. Every other bad access is a fault. Left out: no load is one.
   */
  readonly isProbe?: (insn: number) => boolean;
}

/** Why a run could not go on. On Linux the verifier excludes each of these, or the kernel oopses. */
export interface Fault {
  readonly kind: 'memory' | 'instruction' | 'helper' | 'stack' | 'fuel' | 'helper-argument';
  readonly insn: number;
  readonly message: string;
}

export interface RunResult {
  /** r0 at exit as two halves; 0 when `fault` is set. */
  readonly lo: number;
  readonly hi: number;
  readonly fault: Fault | undefined;
  /** Instructions executed. */
  readonly steps: number;
  /**
   * Index of the instruction that made the value in r0 (a constant's load, not the copy of it into r0), for naming
   * the source line of a decision; -1 when unknown. Counted in the program that exited (`program`).
   */
  readonly originInsn: number;
  /** The program that exited: another than the one entered after a tail call. */
  readonly program: Executable;
}
