import { HELPERS } from '../../abi/index.ts';
import {
  ALU,
  CALL,
  CLASS,
  FRAME_POINTER,
  INSN_SIZE,
  JMP,
  PSEUDO,
  REGISTERS,
  SIZE,
  type Instruction,
} from '../../isa/index.ts';
import { calleeOf, isFunctionLoad, isLocalCall, targetOf } from '../../verifier/index.ts';

/**
 * What is known of a 64-bit value. `memory` is what the program may write: map values and records. `object` is a
 * trusted pointer to a kernel object: a NULL in its place is a fault here and a crash of the kernel on Linux. `walked`
 * was read from a kernel object. `other` is everything else.
 */
type Kind = 'context' | 'stack' | 'memory' | 'object' | 'walked' | 'other';

interface State {
  readonly registers: readonly Kind[];
  /** Spilled 64-bit registers by their offset from r10; what is not here is `other`. */
  readonly slots: ReadonlyMap<number, Kind>;
}

/** What helpers give, once the program has checked it. */
const HELPER_RESULT: Readonly<Record<string, Kind>> = {
  map_lookup_elem: 'memory',
  ringbuf_reserve: 'memory',
  task_storage_get: 'memory',
  inode_storage_get: 'memory',
  get_current_task_btf: 'object',
};

/** 64-bit comparisons with a constant. */
const NULL_TEST = { JEQ: CLASS.JMP | JMP.JEQ, JNE: CLASS.JMP | JMP.JNE } as const;
const GOTO = CLASS.JMP | JMP.JA;

/** The code with its tests of trusted pointers decided, as Linux leaves it: the pointer is never NULL. */
export function withoutNullTests(code: Uint8Array, nullTests: readonly number[]): Uint8Array {
  if (nullTests.length === 0) return code;
  const out = code.slice();
  const view = new DataView(out.buffer);
  for (const slot of nullTests) {
    const at = slot * INSN_SIZE;
    if (view.getUint8(at) === NULL_TEST.JEQ) view.setInt16(at + 2, 0, true);
    view.setUint8(at, GOTO);
    view.setUint8(at + 1, 0);
  }
  return out;
}

const UNKNOWN: readonly Kind[] = Array.from({ length: REGISTERS }, () => 'other');
const start = (r1: Kind): State => ({
  registers: UNKNOWN.map((kind, r) => (r === 1 ? r1 : r === FRAME_POINTER ? 'stack' : kind)),
  slots: new Map(),
});

export interface PointerUses {
  /**
   * Slots of the loads that Linux turns into PROBE_MEM, which gives 0 where nothing is mapped: those through pointers
   * that the program read from kernel memory (convert_ctx_accesses).
   */
  readonly probes: ReadonlySet<number>;
  /** Slots of the stores into kernel objects, which Linux refuses: "only read is supported". */
  readonly objectStores: readonly number[];
  /**
   * Slots of the jumps that compare a trusted pointer with NULL and whose other way is thereby dead. Linux takes the
   * pointer for non-NULL (reg_not_null) and removes the test, even where a caller passes NULL. A test whose both ways
   * lead to code that other paths reach as well stays (opt_hard_wire_dead_code_branches).
   */
  readonly nullTests: readonly number[];
}

/**
 * Follows the kinds of values through the program, far enough to tell how its accesses behave. It is no proof that
 * the program is safe.
 *
 * @param trusted whether a slot of the context holds a trusted pointer to a struct.
 */
export function pointerUses(
  insns: readonly Instruction[],
  trusted: (slot: number) => boolean,
): PointerUses {
  const bySlot = new Map(insns.map((insn) => [insn.index, insn]));
  const states = new Map<number, State>();
  const work: number[] = [];
  const enter = (slot: number, state: State): void => {
    const known = states.get(slot);
    const next = known === undefined ? state : join(known, state);
    if (next === known || !bySlot.has(slot)) return;
    states.set(slot, next);
    work.push(slot);
  };
  enter(0, start('context'));
  for (const insn of insns) {
    const target = functionStart(insn);
    if (target !== undefined) enter(target, start('other'));
  }
  for (let slot = work.pop(); slot !== undefined; slot = work.pop()) {
    const insn = bySlot.get(slot);
    const state = states.get(slot);
    if (insn === undefined || state === undefined) continue;
    const after = step(insn, state, trusted);
    const dead = isNullTest(insn) && state.registers[insn.dst] === 'object' && untaken(insn);
    for (const next of successors(insn)) if (next !== dead) enter(next, after);
  }
  const base = (insn: Instruction, register: number): Kind | undefined =>
    states.get(insn.index)?.registers[register];
  return {
    probes: slotsOf(
      insns,
      (insn) => isLoad(insn) && among(base(insn, insn.src), 'walked', 'other'),
    ),
    objectStores: [
      ...slotsOf(insns, (insn) => isStore(insn) && among(base(insn, insn.dst), 'walked', 'object')),
    ],
    nullTests: [
      ...slotsOf(
        insns,
        (insn) =>
          isNullTest(insn) && base(insn, insn.dst) === 'object' && !states.has(untaken(insn)),
      ),
    ],
  };
}

const isLoad = ({ kind }: Instruction): boolean => kind === 'load' || kind === 'load_sx';
const isNullTest = ({ kind, opcode, imm }: Instruction): boolean =>
  kind === 'jump' && imm === 0 && (opcode === NULL_TEST.JEQ || opcode === NULL_TEST.JNE);
/** Where a test for NULL does not lead when the pointer is not. */
const untaken = ({ opcode, index, off }: Instruction): number =>
  opcode === NULL_TEST.JEQ ? index + 1 + off : index + 1;
const isStore = ({ kind }: Instruction): boolean =>
  kind === 'store' || kind === 'store_imm' || kind === 'atomic';

const among = (kind: Kind | undefined, ...kinds: readonly Kind[]): boolean =>
  kind !== undefined && kinds.includes(kind);

const slotsOf = (
  insns: readonly Instruction[],
  wanted: (insn: Instruction) => boolean,
): ReadonlySet<number> => new Set(insns.filter(wanted).map((insn) => insn.index));

/** Where a function begins that this instruction calls, or whose address it takes. */
const functionStart = (insn: Instruction): number | undefined =>
  isLocalCall(insn) || isFunctionLoad(insn) ? calleeOf(insn) : undefined;

function successors(insn: Instruction): number[] {
  const next = insn.index + insn.slots;
  if (insn.kind === 'exit') return [];
  if (insn.kind === 'goto') return [targetOf(insn)];
  return insn.kind === 'jump' || insn.kind === 'may_goto' ? [next, targetOf(insn)] : [next];
}

/** What is known on both ways; the first state itself when the second adds nothing. */
function join(a: State, b: State): State {
  const registers = a.registers.map((kind, r) => (kind === b.registers[r] ? kind : 'other'));
  const slots = new Map([...a.slots].filter(([at, kind]) => b.slots.get(at) === kind));
  const same = slots.size === a.slots.size && registers.every((kind, r) => kind === a.registers[r]);
  return same ? a : { registers, slots };
}

function step(insn: Instruction, state: State, trusted: (slot: number) => boolean): State {
  switch (insn.kind) {
    case 'mov':
    case 'alu':
    case 'neg':
    case 'end':
      return set(state, insn.dst, computed(insn, state));
    case 'load':
      return set(state, insn.dst, loaded(insn, state, trusted));
    case 'load_imm64':
      return set(state, insn.dst, insn.src === 0 || insn.src === PSEUDO.FUNC ? 'other' : 'memory');
    case 'store':
    case 'store_imm':
      return stored(insn, state);
    case 'call':
      return called(insn, state);
    case 'load_sx':
      return set(state, insn.dst, 'other');
    case 'atomic':
      return set(set(state, insn.src, 'other'), 0, 'other');
    case 'load_packet':
      return set(state, 0, 'other');
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

function set(state: State, register: number, kind: Kind): State {
  return { ...state, registers: state.registers.map((old, r) => (r === register ? kind : old)) };
}

/** 64-bit moves keep the kind; adding to a pointer leaves it one into the same object. */
function computed(insn: Instruction, { registers }: State): Kind {
  const dst = registers[insn.dst] ?? 'other';
  const fromRegister = (insn.opcode & 8) !== 0;
  const src = fromRegister ? (registers[insn.src] ?? 'other') : 'other';
  if ((insn.opcode & 7) !== CLASS.ALU64) return 'other';
  if (insn.kind === 'mov') return insn.off === 0 ? src : 'other';
  const operation = insn.opcode & 0xf0;
  if (insn.kind !== 'alu' || (operation !== ALU.ADD && operation !== ALU.SUB)) return 'other';
  // An index that was read from an object makes a pointer into whatever it is added to.
  if (fromRegister && (dst === 'walked' || src === 'walked')) return 'other';
  return dst === 'other' && operation === ALU.ADD ? src : src === 'other' ? dst : 'other';
}

function loaded(insn: Instruction, state: State, trusted: (slot: number) => boolean): Kind {
  if ((insn.opcode & 0x18) !== SIZE.DW) return 'other';
  const base = state.registers[insn.src];
  if (base === 'context') return trusted(insn.off / 8) ? 'object' : 'other';
  if (base === 'object' || base === 'walked') return 'walked';
  return insn.src === FRAME_POINTER ? (state.slots.get(insn.off) ?? 'other') : 'other';
}

function stored(insn: Instruction, state: State): State {
  if (insn.dst !== FRAME_POINTER) return state;
  const slots = new Map(state.slots);
  const whole = insn.kind === 'store' && (insn.opcode & 0x18) === SIZE.DW;
  const kind = whole ? (state.registers[insn.src] ?? 'other') : 'other';
  if (kind === 'other') slots.delete(Math.floor(insn.off / 8) * 8);
  else slots.set(insn.off, kind);
  return { ...state, slots };
}

function called(insn: Instruction, state: State): State {
  const name = insn.src === CALL.HELPER ? (HELPERS[insn.imm] ?? '') : '';
  const result = HELPER_RESULT[name] ?? 'other';
  return {
    ...state,
    registers: state.registers.map((kind, r) => (r === 0 ? result : r < 6 ? 'other' : kind)),
  };
}
