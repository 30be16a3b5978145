import { ERRNO } from '../abi/index.ts';
import {
  ALU,
  ATOMIC,
  CLASS,
  FRAME_POINTER,
  MODE,
  PSEUDO,
  REGISTERS,
  SOURCE,
  accessSize,
  isAddrSpaceCast,
} from '../isa/index.ts';
import type { InsnKind, Instruction } from '../isa/index.ts';
import type { Diagnostic, Rule } from './diagnostic.ts';

/** First release of an encoding, as [major, minor]. */
type Release = readonly [major: number, minor: number];

/** Opcodes that came after 6.1. */
const OPCODES_SINCE: Readonly<Record<number, Release>> = {
  0x81: [6, 6],
  0x89: [6, 6],
  0x91: [6, 6],
  0x06: [6, 6],
  0xd7: [6, 6],
  0xe5: [6, 9],
  0xcb: [6, 15],
  0xd3: [6, 15],
};

const isOlder = (a: Release, b: Release): boolean => a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);

/** `6.12.86+deb12-cloud-amd64` is [6, 12]. */
function parseRelease(release: string): Release {
  const [major = 0, minor = 0] = release.split('.').map((part) => parseInt(part, 10));
  return [major, minor];
}

const einval = (insn: number, rule: Rule, kernelMessage: string): Diagnostic => ({
  insn,
  rule,
  kernelMessage,
  errno: ERRNO.EINVAL,
});

/** Opcodes are known and 64-bit constants whole (`resolve_pseudo_ldimm64`). */
export function checkOpcodes(
  insns: readonly Instruction[],
  release: string,
  out: Diagnostic[],
): void {
  const kernel = parseRelease(release);
  for (const insn of insns) {
    const since = OPCODES_SINCE[insn.opcode];
    const known = insn.kind !== 'unknown' && (since === undefined || !isOlder(kernel, since));
    if ((insn.opcode & 7) === CLASS.LDX && (!known || insn.imm !== 0))
      out.push(einval(insn.index, 'reserved-field', 'BPF_LDX uses reserved fields'));
    else if (insn.kind === 'load_imm64') checkConstant(insn, out);
    else if (!known) out.push(einval(insn.index, 'opcode', `unknown opcode ${hex2(insn.opcode)}`));
  }
}

function checkConstant(insn: Instruction, out: Diagnostic[]): void {
  if (insn.wellFormed) return;
  const unknownMeaning =
    insn.src > PSEUDO.MAP_IDX_VALUE ||
    ((insn.src === PSEUDO.MAP_FD || insn.src === PSEUDO.MAP_IDX) && insn.immHi !== 0);
  if (unknownMeaning) out.push(einval(insn.index, 'constant', 'unrecognized bpf_ld_imm64 insn'));
  else if (insn.off !== 0)
    out.push(einval(insn.index, 'reserved-field', 'BPF_LD_IMM64 uses reserved fields'));
  else out.push(einval(insn.index, 'constant', 'invalid bpf_ld_imm64 insn'));
}

/** What `do_check` asks of an instruction alone: its unused fields, constants, registers and stack offsets. */
export function checkInstruction(
  insn: Instruction,
  release: string,
  helperName: (id: number) => string | undefined,
): Diagnostic | undefined {
  return (
    checkFields(insn, parseRelease(release)) ??
    checkImmediate(insn) ??
    checkRegisters(insn) ??
    checkStackAccess(insn) ??
    checkHelper(insn, helperName)
  );
}

const RESERVED: Readonly<Partial<Record<InsnKind, string>>> = {
  alu: 'BPF_ALU',
  neg: 'BPF_NEG',
  mov: 'BPF_MOV',
  end: 'BPF_END',
  store: 'BPF_STX',
  store_imm: 'BPF_ST',
  load_packet: 'BPF_LD_[ABS|IND]',
  jump: 'BPF_JMP/JMP32',
  goto: 'BPF_JA',
  call: 'BPF_CALL',
  exit: 'BPF_EXIT',
};

const ATOMIC_OPERATIONS: ReadonlySet<number> = new Set([
  ...[ALU.ADD, ALU.OR, ALU.AND, ALU.XOR].flatMap((op) => [op, op | ATOMIC.FETCH]),
  ATOMIC.XCHG,
  ATOMIC.CMPXCHG,
  ATOMIC.LOAD_ACQ,
  ATOMIC.STORE_REL,
]);

/** Linux looks at the first register of a jump before the fields, which is why a bad one passes here. */
function checkFields(insn: Instruction, kernel: Release): Diagnostic | undefined {
  const { kind, index, imm } = insn;
  if (insn.wellFormed && !isTooNew(insn, kernel)) return undefined;
  if (kind === 'jump' && insn.dst >= REGISTERS) return undefined;
  if (kind === 'atomic')
    return ATOMIC_OPERATIONS.has(imm) && !isTooNew(insn, kernel)
      ? einval(index, 'reserved-field', 'invalid atomic operand size')
      : einval(index, 'reserved-field', `BPF_ATOMIC uses invalid atomic opcode ${hex2(imm >>> 0)}`);
  if (kind === 'may_goto') return einval(index, 'reserved-field', `invalid may_goto imm ${imm}`);
  if (isAddrSpaceCast(insn) && !isOlder(kernel, [6, 9]))
    return einval(
      index,
      'reserved-field',
      'addr_space_cast insn can only convert between address space 1 and 0',
    );
  return einval(index, 'reserved-field', `${RESERVED[kind] ?? 'BPF_LD'} uses reserved fields`);
}

/** Encodings of known opcodes that were reserved before. */
function isTooNew(insn: Instruction, kernel: Release): boolean {
  if (insn.kind === 'atomic') {
    const { imm } = insn;
    return (imm === ATOMIC.LOAD_ACQ || imm === ATOMIC.STORE_REL) && isOlder(kernel, [6, 15]);
  }
  if (isAddrSpaceCast(insn)) return isOlder(kernel, [6, 9]);
  const extended = insn.kind === 'alu' || insn.kind === 'mov';
  return extended && insn.off !== 0 && isOlder(kernel, [6, 6]);
}

function checkImmediate(insn: Instruction): Diagnostic | undefined {
  if (insn.kind !== 'alu' || (insn.opcode & SOURCE.X) !== 0) return undefined;
  const op = insn.opcode & 0xf0;
  if ((op === ALU.DIV || op === ALU.MOD) && insn.imm === 0)
    return einval(insn.index, 'operand', 'div by zero');
  if (op !== ALU.LSH && op !== ALU.RSH && op !== ALU.ARSH) return undefined;
  const bits = (insn.opcode & 7) === CLASS.ALU64 ? 64 : 32;
  return insn.imm < 0 || insn.imm >= bits
    ? einval(insn.index, 'operand', `invalid shift ${insn.imm}`)
    : undefined;
}

function checkRegisters(insn: Instruction): Diagnostic | undefined {
  const { reads, writes } = registersOf(insn);
  for (const register of [...reads, ...writes])
    if (register >= REGISTERS) return einval(insn.index, 'register', `R${register} is invalid`);
  if (!writes.includes(FRAME_POINTER)) return undefined;
  return {
    insn: insn.index,
    rule: 'register',
    kernelMessage: 'frame pointer is read only',
    errno: ERRNO.EACCES,
  };
}

/** Registers that an instruction names, in the order in which Linux checks them. */
function registersOf(insn: Instruction): { reads: readonly number[]; writes: readonly number[] } {
  const { kind, dst, src, imm } = insn;
  const second = (insn.opcode & SOURCE.X) !== 0 ? [src] : [];
  switch (kind) {
    case 'alu':
      return { reads: [...second, dst], writes: [dst] };
    case 'mov':
      return { reads: second, writes: [dst] };
    case 'neg':
    case 'end':
      return { reads: [dst], writes: [dst] };
    case 'load':
    case 'load_sx':
      return { reads: [src], writes: [dst] };
    case 'load_imm64':
      return { reads: [], writes: [dst] };
    case 'load_packet':
      return { reads: (insn.opcode & 0xe0) === MODE.IND ? [src] : [], writes: [] };
    case 'store':
      return { reads: [src, dst], writes: [] };
    case 'store_imm':
      return { reads: [dst], writes: [] };
    case 'atomic':
      if (imm === ATOMIC.LOAD_ACQ) return { reads: [src], writes: [dst] };
      return { reads: [src, dst], writes: fetchesInto(insn) };
    case 'jump':
      return { reads: [dst, ...second], writes: [] };
    case 'goto':
    case 'may_goto':
    case 'call':
    case 'exit':
    case 'unknown':
      return { reads: [], writes: [] };
    default:
      return kind satisfies never;
  }
}

function fetchesInto({ imm, src }: Instruction): readonly number[] {
  if (imm === ATOMIC.CMPXCHG) return [0];
  return (imm & ATOMIC.FETCH) !== 0 ? [src] : [];
}

/** `MAX_BPF_STACK`, in bytes. */
const MAX_STACK = 512;

/** Accesses through r10 itself, which is the frame's end everywhere. */
function checkStackAccess(insn: Instruction): Diagnostic | undefined {
  // An atomic operation reads first.
  const write =
    insn.kind === 'store' ||
    insn.kind === 'store_imm' ||
    (insn.kind === 'atomic' && insn.imm === ATOMIC.STORE_REL);
  const off = frameOffset(insn);
  if (off === undefined) return undefined;
  const size = accessSize(insn.opcode);
  if (off >= -MAX_STACK && off + size <= 0) return undefined;
  const where = `stack R${FRAME_POINTER} off=${off} size=${size}`;
  return {
    insn: insn.index,
    rule: 'stack',
    kernelMessage: write ? `invalid write to ${where}` : `invalid read from ${where}`,
    errno: ERRNO.EACCES,
  };
}

/** Offset from the frame pointer when the instruction accesses memory through r10 itself. */
export function frameOffset(insn: Instruction): number | undefined {
  const { kind, src, dst } = insn;
  const isLoad =
    kind === 'load' || kind === 'load_sx' || (kind === 'atomic' && insn.imm === ATOMIC.LOAD_ACQ);
  const isStore = !isLoad && (kind === 'store' || kind === 'store_imm' || kind === 'atomic');
  const base = isLoad ? src : isStore ? dst : undefined;
  return base === FRAME_POINTER ? insn.off : undefined;
}

function checkHelper(
  insn: Instruction,
  helperName: (id: number) => string | undefined,
): Diagnostic | undefined {
  if (insn.kind !== 'call' || insn.src !== 0 || helperName(insn.imm) !== undefined)
    return undefined;
  return einval(insn.index, 'helper', `invalid func unknown#${insn.imm}`);
}

const hex2 = (n: number): string => n.toString(16).padStart(2, '0');
