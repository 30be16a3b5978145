import { funcProto, type Btf } from '../btf/index.ts';
import { CLASS, decode, FRAME_POINTER, JMP, CALL, SOURCE, type Instruction } from '../isa/index.ts';
import { calleeOf, isLocalCall, targetOf } from './functions.ts';

/**
 * Arguments that callers of a hook pass as NULL, by index (Linux 6.12, security_*() and its callers). The verifier
 * takes them for non-NULL all the same unless the kernel's BTF names the parameter `…__nullable`, which 6.12 does for
 * none and 7.3 for mmap_file.
 */
const NULLABLE: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  mmap_file: { 0: 'file' },
  settime: { 1: 'tz' },
  task_kill: { 1: 'info', 3: 'cred' },
  quotactl: { 3: 'sb' },
  shm_shmctl: { 0: 'perm' },
  msg_queue_msgctl: { 0: 'perm' },
  sem_semctl: { 0: 'perm' },
  d_instantiate: { 1: 'inode' },
  bpf_map_create: { 2: 'token' },
  bpf_prog_load: { 2: 'token' },
  inode_init_security: { 2: 'qstr' },
  inet_conn_established: { 1: 'skb' },
};

/** What a program does with an argument that may be NULL although the verifier takes it for a pointer. */
export interface NullTrap {
  /** Slot of the instruction. */
  readonly insn: number;
  readonly argument: string;
  /** Index of the argument: its slot in the context. */
  readonly index: number;
  /**
   * `tested`: Linux removes the test as dead code and keeps the branch for a pointer. `read`: the program reads through
   * it and never looked at the raw argument; with NULL the kernel itself faults.
   */
  readonly use: 'tested' | 'read';
}

const CONTEXT_SLOT = 8;
const HELPER_PROBE_READ = 4;
const HELPER_PROBE_READ_KERNEL = 113;
const ARGUMENTS = [1, 2, 3, 4, 5];

/** Offset into the context that a register points to, or index of the argument that it holds. */
type Value = { readonly context: number } | { readonly argument: number } | undefined;

/** Registers r0 to r9, then the stack by offset from the frame's top. */
interface State {
  readonly registers: readonly Value[];
  readonly stack: ReadonlyMap<number, Value>;
}

const NOTHING: State = { registers: Array.from({ length: FRAME_POINTER }), stack: new Map() };

const isSame = (a: Value, b: Value): boolean => {
  if (a === undefined || b === undefined) return a === b;
  if ('context' in a) return 'context' in b && a.context === b.context;
  return 'argument' in b && a.argument === b.argument;
};

const agrees = (value: Value, other: Value): boolean => value === undefined || isSame(value, other);

/** What both paths agree on; the same object when nothing is lost. */
function join(a: State, b: State): State {
  const same =
    a.registers.every((value, r) => agrees(value, b.registers[r])) &&
    [...a.stack].every(([at, value]) => agrees(value, b.stack.get(at)));
  if (same) return a;
  return {
    registers: a.registers.map((value, r) => (isSame(value, b.registers[r]) ? value : undefined)),
    stack: new Map([...a.stack].filter(([at, value]) => isSame(value, b.stack.get(at)))),
  };
}

const withRegister = (state: State, register: number, value: Value): State =>
  isSame(state.registers[register], value)
    ? state
    : { ...state, registers: state.registers.map((old, r) => (r === register ? value : old)) };

/** A load of a whole slot of the context gives an argument; one from the stack what was put there. */
function loaded(state: State, { kind, opcode, src, off }: Instruction): Value {
  const isWhole = kind === 'load' && (opcode & 0x18) === 0x18;
  if (!isWhole) return undefined;
  if (src === FRAME_POINTER) return state.stack.get(off);
  const base = state.registers[src];
  if (base === undefined || !('context' in base)) return undefined;
  const at = base.context + off;
  return at >= 0 && at % CONTEXT_SLOT === 0 ? { argument: at / CONTEXT_SLOT } : undefined;
}

const isMove = ({ kind, opcode, off }: Instruction): boolean =>
  kind === 'mov' && (opcode & 7) === CLASS.ALU64 && (opcode & SOURCE.X) !== 0 && off === 0;
const isAddConstant = ({ opcode }: Instruction): boolean => opcode === (CLASS.ALU64 | SOURCE.K);

function stored(state: State, { dst, off }: Instruction, value: Value): State {
  if (dst !== FRAME_POINTER) return state;
  return { ...state, stack: new Map(state.stack).set(off, value) };
}

/** What is known after an instruction that goes on to the next. */
function step(state: State, insn: Instruction): State {
  const { dst, src } = insn;
  switch (insn.kind) {
    case 'load':
    case 'load_sx':
      return withRegister(state, dst, loaded(state, insn));
    case 'store':
      return stored(state, insn, state.registers[src]);
    case 'store_imm':
    case 'atomic':
      return stored(state, insn, undefined);
    case 'mov':
      return withRegister(state, dst, isMove(insn) ? state.registers[src] : undefined);
    case 'call':
    case 'load_packet':
      return { ...state, registers: state.registers.map((v, r) => (r <= 5 ? undefined : v)) };
    case 'alu': {
      const value = state.registers[dst];
      const moved =
        isAddConstant(insn) && value !== undefined && 'context' in value
          ? { context: value.context + insn.imm }
          : undefined;
      return withRegister(state, dst, moved);
    }
    case 'neg':
    case 'end':
    case 'load_imm64':
      return withRegister(state, dst, undefined);
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

function successors(insn: Instruction): readonly number[] {
  const next = insn.index + insn.slots;
  if (insn.kind === 'exit') return [];
  if (insn.kind === 'goto') return [targetOf(insn)];
  return insn.kind === 'jump' || insn.kind === 'may_goto' ? [next, targetOf(insn)] : [next];
}

/** What is known before each instruction that can be reached, by slot. */
function flow(insns: readonly Instruction[]): ReadonlyMap<number, State> {
  const bySlot = new Map(insns.map((insn) => [insn.index, insn]));
  const states = new Map<number, State>();
  const work: number[] = [];
  const enter = (slot: number, incoming: State): void => {
    const known = states.get(slot);
    const joined = known === undefined ? incoming : join(known, incoming);
    if (joined === known || !bySlot.has(slot)) return;
    states.set(slot, joined);
    work.push(slot);
  };
  enter(0, withRegister(NOTHING, 1, { context: 0 }));
  for (let slot = work.pop(); slot !== undefined; slot = work.pop()) {
    const insn = bySlot.get(slot);
    const state = states.get(slot);
    if (insn === undefined || state === undefined) continue;
    if (isLocalCall(insn)) {
      const given = state.registers.map((v, r) => (ARGUMENTS.includes(r) ? v : undefined));
      enter(calleeOf(insn), { registers: given, stack: new Map() });
    }
    const after = step(state, insn);
    for (const next of successors(insn)) enter(next, after);
  }
  return states;
}

const heldArgument = (value: Value): number | undefined =>
  value !== undefined && 'argument' in value ? value.argument : undefined;

/** The argument that a jump compares with NULL. */
function testedArgument(insn: Instruction, { registers }: State): number | undefined {
  const op = insn.opcode & 0xf0;
  const withZero = (insn.opcode & SOURCE.X) === 0 && insn.imm === 0;
  if (insn.kind !== 'jump' || !withZero || (op !== JMP.JEQ && op !== JMP.JNE)) return undefined;
  return heldArgument(registers[insn.dst]);
}

/** The argument that a load reads through. */
const readArgument = (insn: Instruction, { registers }: State): number | undefined =>
  insn.kind === 'load' || insn.kind === 'load_sx' ? heldArgument(registers[insn.src]) : undefined;

/** The argument whose raw slot a call copies out of the context: the portable way to look at it. */
function copiedArgument(insn: Instruction, { registers }: State): number | undefined {
  const isProbe = insn.imm === HELPER_PROBE_READ_KERNEL || insn.imm === HELPER_PROBE_READ;
  if (insn.kind !== 'call' || insn.src !== CALL.HELPER || !isProbe) return undefined;
  const from = registers[3];
  return from !== undefined && 'context' in from ? from.context / CONTEXT_SLOT : undefined;
}

function traps(
  insns: readonly Instruction[],
  nullable: ReadonlyMap<number, string>,
): readonly NullTrap[] {
  const states = flow(insns);
  const found: NullTrap[] = [];
  const copied = new Set<number>();
  for (const insn of insns) {
    const state = states.get(insn.index);
    if (state === undefined) continue;
    const add = (index: number | undefined, use: NullTrap['use']): void => {
      const argument = index === undefined ? undefined : nullable.get(index);
      if (index === undefined || argument === undefined) return;
      found.push({ insn: insn.index, argument, index, use });
    };
    add(testedArgument(insn, state), 'tested');
    add(readArgument(insn, state), 'read');
    const index = copiedArgument(insn, state);
    if (index !== undefined) copied.add(index);
  }
  const alreadyRead = new Set<number>();
  return found.filter(({ use, index }) => {
    if (use === 'tested') return true;
    if (copied.has(index) || alreadyRead.has(index)) return false;
    alreadyRead.add(index);
    return true;
  });
}

/** The arguments of a hook that may be NULL and are not marked so in the kernel's BTF. */
function unmarked(hook: string, kernel: Btf | undefined): ReadonlyMap<number, string> {
  const known = Object.hasOwn(NULLABLE, hook) ? NULLABLE[hook] : undefined;
  const nullable = new Map(
    Object.entries(known ?? {}).map(([index, name]) => [Number(index), name]),
  );
  const id = nullable.size === 0 ? undefined : kernel?.find(`bpf_lsm_${hook}`, 'func');
  if (kernel === undefined || id === undefined) return nullable;
  for (const [index, { name }] of funcProto(kernel, id).params.entries())
    if (name.endsWith('__nullable')) nullable.delete(index);
  return nullable;
}

/**
 * Where an LSM program (LSM_MAC, not LSM_CGROUP alone) tests an argument for NULL, or reads through it, that callers
 * really pass as NULL while the verifier takes it for a pointer: Linux then removes the test (`if (!file)` never
 * holds), and reads fault. A scan along the flow of values through registers and the stack; what gets lost on the way
 * (arguments kept in maps, say) is not found.
 * @param code the program as in the object file, main function first.
 * @param hook without `bpf_lsm_`.
 * @param kernel BTF of the kernel it is for; without it no argument counts as marked.
 */
export function findNullTraps(code: Uint8Array, hook: string, kernel?: Btf): readonly NullTrap[] {
  const nullable = unmarked(hook, kernel);
  return nullable.size === 0 ? [] : traps(decode(code), nullable);
}

/** The trap in two sentences: what is wrong, and what to write. */
export function describeNullTrap({ argument, index, use }: NullTrap, hook: string): string {
  const wrong =
    use === 'tested'
      ? `the test of '${argument}' for NULL is removed when the program is loaded`
      : `reading through '${argument}' faults in the kernel when it is NULL`;
  return (
    `${wrong}: Linux takes this argument of ${hook} for a pointer, though callers pass NULL. ` +
    `Read the raw argument instead: bpf_probe_read_kernel(&value, 8, ctx + ${index}), and test value.`
  );
}
