import { ALU, CLASS, FRAME_POINTER, JMP, PSEUDO, SOURCE, accessSize } from '../isa/index.ts';
import type { Instruction } from '../isa/index.ts';
import { calleeOf, isFunctionLoad, isLocalCall, targetOf } from './functions.ts';

/** A place inside the value of a map that the program loads by descriptor. */
interface MapValue {
  readonly mapFd: number;
  readonly offset: number;
}
/** A constant as 64 unsigned bits, or undefined when the value is not known at load. */
type Value = bigint | MapValue | undefined;
/**
 * Reads `size` bytes, little endian, of a map whose contents can no longer change: frozen, and read-only to programs.
 * Undefined for every other map.
 */
export type ReadConstant = (mapFd: number, offset: number, size: number) => bigint | undefined;
/** Of r0–r10, at one slot. */
type State = readonly Value[];

const UNKNOWN: State = Array.from({ length: FRAME_POINTER + 1 }, () => undefined);

/**
 * Slots that exploration can reach (1), when branches on constants are decided at load as Linux decides them. What is
 * left (0) is dead: Linux never looks at it, so it may hold anything, such as a CO-RE relocation that failed behind
 * `bpf_core_field_exists`. Constants are followed through registers and read from frozen maps, not followed through
 * the stack; where paths meet with different values, the value is unknown.
 */
export function findLiveCode(
  insns: readonly Instruction[],
  readConstant: ReadConstant = () => undefined,
): Uint8Array {
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
    const after = step(insn, state, readConstant);
    for (const next of nextSlots(insn, state)) flow(next, after);
  }
  return live;
}

/** The same object when nothing becomes unknown. */
function join(a: State, b: State): State {
  return a.every((value, r) => value === undefined || isSame(value, b[r]))
    ? a
    : a.map((value, r) => (isSame(value, b[r]) ? value : undefined));
}

const isSame = (a: Value, b: Value): boolean =>
  typeof a === 'object' && typeof b === 'object'
    ? a.mapFd === b.mapFd && a.offset === b.offset
    : a === b;

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
  if (typeof left !== 'bigint' || typeof right !== 'bigint') return undefined;
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
function step(insn: Instruction, state: State, readConstant: ReadConstant): State {
  switch (insn.kind) {
    case 'alu':
    case 'mov':
      return set(state, insn.dst, arithmetic(insn, state));
    case 'load_imm64':
      return set(state, insn.dst, constantOf(insn));
    case 'load':
    case 'load_sx':
      return set(state, insn.dst, loaded(insn, state, readConstant));
    case 'call':
    case 'load_packet':
      return state.map((value, r) => (r <= 5 ? undefined : value));
    case 'neg':
    case 'end':
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

function constantOf(insn: Instruction): Value {
  if (insn.src === PSEUDO.MAP_VALUE) return { mapFd: insn.imm, offset: insn.immHi };
  if (insn.src !== 0) return undefined;
  return (BigInt(insn.immHi >>> 0) << 32n) | BigInt(insn.imm >>> 0);
}

function loaded(insn: Instruction, state: State, readConstant: ReadConstant): Value {
  const base = state[insn.src];
  if (typeof base !== 'object') return undefined;
  const size = accessSize(insn.opcode);
  const value = readConstant(base.mapFd, base.offset + insn.off, size);
  if (value === undefined || insn.kind === 'load') return value;
  return BigInt.asUintN(64, BigInt.asIntN(size * 8, value));
}

/** The operations that compilers leave between a constant and the branch on it; any other result is unknown. */
function arithmetic(insn: Instruction, state: State): Value {
  const bits = (insn.opcode & 7) === CLASS.ALU64 ? 64 : 32;
  const right = secondOperand(insn, state);
  const left = insn.kind === 'mov' ? 0n : state[insn.dst];
  if (insn.off !== 0) return undefined;
  if (typeof right === 'object') return insn.kind === 'mov' && bits === 64 ? right : undefined;
  if (typeof left === 'object') return moved(left, insn, right);
  if (left === undefined || right === undefined) return undefined;
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

function moved(place: MapValue, insn: Instruction, by: bigint | undefined): Value {
  if (insn.opcode >> 4 !== ALU.ADD >> 4 || (insn.opcode & 7) !== CLASS.ALU64 || by === undefined)
    return undefined;
  return { ...place, offset: place.offset + Number(BigInt.asIntN(64, by)) };
}
