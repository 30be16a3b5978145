import { ALU, CLASS, FRAME_POINTER, JMP, LD_IMM64, SOURCE } from '../isa/index.ts';
import type { Instruction } from '../isa/index.ts';
import { calleeOf, isFunctionLoad, isLocalCall, targetOf } from './functions.ts';

/** A constant as 64 unsigned bits, or undefined when the value is not known at load. */
type Value = bigint | undefined;
/** Of r0–r10, at one slot. */
type State = readonly Value[];

const UNKNOWN: State = Array.from({ length: FRAME_POINTER + 1 }, () => undefined);

/**
 * Slots that exploration can reach (1), when branches on constants are decided at load as Linux decides them. What is
 * left (0) is dead: Linux never looks at it, so it may hold anything, such as a CO-RE relocation that failed behind
 * `bpf_core_field_exists`. Constants are followed through registers, not through memory; where paths meet with
 * different values, the value is unknown.
 */
export function findLiveCode(insns: readonly Instruction[]): Uint8Array {
  const bySlot = new Map(insns.map((insn) => [insn.index, insn]));
  const last = insns.at(-1);
  const live = new Uint8Array(last === undefined ? 0 : last.index + last.slots);
  const states = new Map<number, State>();
  const work: number[] = [];
  const flow = (slot: number, incoming: State): void => {
    const known = states.get(slot);
    const joined = known === undefined ? incoming : join(known, incoming);
    if (joined === known) return;
    states.set(slot, joined);
    work.push(slot);
  };
  flow(0, UNKNOWN);
  for (let slot = work.pop(); slot !== undefined; slot = work.pop()) {
    const insn = bySlot.get(slot);
    const state = states.get(slot);
    if (insn === undefined || state === undefined) continue;
    live[slot] = 1;
    if (isLocalCall(insn) || isFunctionLoad(insn)) flow(calleeOf(insn), UNKNOWN);
    const after = step(insn, state);
    for (const next of nextSlots(insn, state)) flow(next, after);
  }
  return live;
}

/**
 * Slots that every exploration meets (1): those before the first conditional jump that constants do not decide, in the
 * functions called there too. A call that recurs ends the walk.
 */
export function findCertainCode(insns: readonly Instruction[]): Uint8Array {
  const bySlot = new Map(insns.map((insn) => [insn.index, insn]));
  const last = insns.at(-1);
  const certain = new Uint8Array(last === undefined ? 0 : last.index + last.slots);
  const walk = (start: number): boolean => {
    let slot = start;
    let state = UNKNOWN;
    for (;;) {
      const insn = bySlot.get(slot);
      if (insn === undefined || certain[slot] === 1) return false;
      certain[slot] = 1;
      if (insn.kind === 'exit') return true;
      if (isLocalCall(insn) && !walk(calleeOf(insn))) return false;
      const [next, other] = nextSlots(insn, state);
      if (next === undefined || other !== undefined) return false;
      state = step(insn, state);
      slot = next;
    }
  };
  walk(0);
  return certain;
}

/** The same object when nothing becomes unknown. */
function join(a: State, b: State): State {
  return a.every((value, r) => value === undefined || value === b[r])
    ? a
    : a.map((value, r) => (value === b[r] ? value : undefined));
}

/** Where exploration goes after an instruction: to one side only of a jump that constants decide. */
function nextSlots(insn: Instruction, state: State): readonly number[] {
  const next = insn.index + insn.slots;
  if (insn.kind === 'exit') return [];
  if (insn.kind === 'goto') return [targetOf(insn)];
  if (insn.kind === 'may_goto') return [next, targetOf(insn)];
  if (insn.kind !== 'jump') return [next];
  const taken = isTaken(insn, state);
  if (taken === undefined) return [next, targetOf(insn)];
  return [taken ? targetOf(insn) : next];
}

const secondOperand = (insn: Instruction, state: State): Value =>
  (insn.opcode & SOURCE.X) === 0 ? BigInt(insn.imm) : state[insn.src];

function isTaken(insn: Instruction, state: State): boolean | undefined {
  const bits = (insn.opcode & 7) === CLASS.JMP ? 64 : 32;
  const left = state[insn.dst];
  const right = secondOperand(insn, state);
  if (left === undefined || right === undefined) return undefined;
  return compare(
    insn.opcode & 0xf0,
    BigInt.asUintN(bits, left),
    BigInt.asUintN(bits, right),
    (value) => BigInt.asIntN(bits, value),
  );
}

function compare(
  op: number,
  a: bigint,
  b: bigint,
  signed: (value: bigint) => bigint,
): boolean | undefined {
  switch (op) {
    case JMP.JEQ:
      return a === b;
    case JMP.JNE:
      return a !== b;
    case JMP.JSET:
      return (a & b) !== 0n;
    case JMP.JGT:
      return a > b;
    case JMP.JGE:
      return a >= b;
    case JMP.JLT:
      return a < b;
    case JMP.JLE:
      return a <= b;
    case JMP.JSGT:
      return signed(a) > signed(b);
    case JMP.JSGE:
      return signed(a) >= signed(b);
    case JMP.JSLT:
      return signed(a) < signed(b);
    case JMP.JSLE:
      return signed(a) <= signed(b);
    default:
      return undefined;
  }
}

/** Registers after an instruction. */
function step(insn: Instruction, state: State): State {
  switch (insn.kind) {
    case 'alu':
    case 'mov':
      return set(state, insn.dst, arithmetic(insn, state));
    case 'load_imm64':
      return set(
        state,
        insn.dst,
        insn.opcode === LD_IMM64 && insn.src === 0 ? wide(insn) : undefined,
      );
    case 'call':
    case 'load_packet':
      return state.map((value, r) => (r <= 5 ? undefined : value));
    case 'neg':
    case 'end':
    case 'load':
    case 'load_sx':
      return set(state, insn.dst, undefined);
    case 'atomic':
      return set(set(set(state, insn.src, undefined), insn.dst, undefined), 0, undefined);
    case 'store':
    case 'store_imm':
    case 'jump':
    case 'goto':
    case 'may_goto':
    case 'exit':
    case 'unknown':
      return state;
    default:
      return insn.kind satisfies never;
  }
}

const set = (state: State, register: number, value: Value): State =>
  register > FRAME_POINTER || state[register] === value ? state : state.with(register, value);

const wide = (insn: Instruction): bigint =>
  (BigInt(insn.immHi >>> 0) << 32n) | BigInt(insn.imm >>> 0);

/** The operations that compilers leave between a constant and the branch on it; any other result is unknown. */
function arithmetic(insn: Instruction, state: State): Value {
  const bits = (insn.opcode & 7) === CLASS.ALU64 ? 64 : 32;
  const right = secondOperand(insn, state);
  const left = insn.kind === 'mov' ? 0n : state[insn.dst];
  if (left === undefined || right === undefined || insn.off !== 0) return undefined;
  const a = BigInt.asUintN(bits, left);
  const b = BigInt.asUintN(bits, right);
  const count = b & BigInt(bits - 1);
  switch (insn.opcode & 0xf0) {
    case ALU.MOV:
      return b;
    case ALU.ADD:
      return BigInt.asUintN(bits, a + b);
    case ALU.SUB:
      return BigInt.asUintN(bits, a - b);
    case ALU.MUL:
      return BigInt.asUintN(bits, a * b);
    case ALU.AND:
      return a & b;
    case ALU.OR:
      return a | b;
    case ALU.XOR:
      return a ^ b;
    case ALU.LSH:
      return BigInt.asUintN(bits, a << count);
    case ALU.RSH:
      return a >> count;
    case ALU.ARSH:
      return BigInt.asUintN(bits, BigInt.asIntN(bits, a) >> count);
    default:
      return undefined;
  }
}
