import { decode, isAddrSpaceCast } from './instruction.ts';
import type { InsnFields, Instruction } from './instruction.ts';
import { ALU_SIGNS, ATOMIC_NAMES, JUMP_SIGNS, SIGNED_SIZES, SIZES } from './signs.ts';
import { ALU, ATOMIC, CALL, CLASS, LD_IMM64, MODE, PSEUDO, SIZE, SOURCE } from './opcodes.ts';

/** Names that only the caller knows; what is left out prints as the kernel prints it without the name. */
export interface InsnNames {
  /** `bpf_map_lookup_elem` for 1. */
  readonly helper?: (id: number) => string | undefined;
  /** Name of the kernel function that a call with `src` 2 calls. */
  readonly kfunc?: (btfId: number) => string | undefined;
  /** Text of the operand of a 64-bit immediate load. */
  readonly imm64?: (insn: InsnFields) => string | undefined;
}

/** One line `INDEX: (OPCODE) TEXT` an instruction, as in the log of the Linux verifier. */
export function disassemble(code: Uint8Array, names: InsnNames = {}): string {
  return decode(code)
    .map((insn: Instruction) => `${insn.index}: ${formatInsn(insn, names)}\n`)
    .join('');
}

/**
 * The text of `print_bpf_insn` (kernel/bpf/disasm.c). Loads of maps and functions print as bpftool prints them, since
 * the kernel's own text shows a pointer there; an instruction that Linux cannot print gives `BUG_` and its opcode.
 * The `off` of a kernel function call (its module) is not part of the text.
 */
export function formatInsn(insn: InsnFields, names: InsnNames = {}): string {
  const text = formatBody(insn, names);
  return text.startsWith('BUG_') ? text : `(${hex2(insn.opcode)}) ${text}`;
}

function formatBody(insn: InsnFields, names: InsnNames): string {
  switch (insn.opcode & 7) {
    case CLASS.ALU:
    case CLASS.ALU64:
      return formatAlu(insn);
    case CLASS.JMP:
    case CLASS.JMP32:
      return formatJump(insn, names);
    case CLASS.LDX:
      return formatLoad(insn);
    case CLASS.ST:
      return (insn.opcode & 0xe0) === MODE.MEM
        ? `${memory(insn, insn.dst)} = ${insn.imm}`
        : `BUG_st_${hex2(insn.opcode)}`;
    case CLASS.STX:
      return formatStore(insn);
    default:
      return formatLd(insn, names);
  }
}

function formatAlu(insn: InsnFields): string {
  const op = insn.opcode & 0xf0;
  const wide = (insn.opcode & 7) === CLASS.ALU64;
  const register = (insn.opcode & SOURCE.X) !== 0;
  const r = wide ? 'r' : 'w';
  const dst = `${r}${insn.dst}`;
  if (op === ALU.END) {
    const swap = wide ? 'bswap' : register ? 'be' : 'le';
    return `r${insn.dst} = ${swap}${insn.imm} r${insn.dst}`;
  }
  if (op === ALU.NEG) return `${dst} = -${dst}`;
  if (isAddrSpaceCast(insn))
    return `${dst} = addr_space_cast(r${insn.src}, ${insn.imm >>> 16}, ${insn.imm & 0xffff})`;
  const signed = (op === ALU.DIV || op === ALU.MOD) && insn.off === 1;
  const sign = `${signed ? 's' : ''}${ALU_SIGNS[op >> 4] ?? '(null)'}`;
  if (!register) return `${dst} ${sign} ${insn.imm}`;
  const extends_ = op === ALU.MOV && [8, 16, 32].includes(insn.off);
  return `${dst} ${sign} ${extends_ ? `(s${insn.off})` : ''}${r}${insn.src}`;
}

function formatJump(insn: InsnFields, names: InsnNames): string {
  const op = insn.opcode & 0xf0;
  const wide = (insn.opcode & 7) === CLASS.JMP;
  const kind = KIND_TEXT[insn.opcode];
  if (op >> 4 === 8) return formatCall(insn, names);
  if (kind === 'may_goto' && insn.src !== 0) return formatCondition(insn, wide);
  if (kind === 'exit') return kind;
  if (kind !== undefined) return `${kind} pc${signedText(wide ? insn.off : insn.imm)}`;
  return formatCondition(insn, wide);
}

const KIND_TEXT: Readonly<Record<number, string>> = {
  0x05: 'goto',
  0x06: 'gotol',
  0xe5: 'may_goto',
  0x95: 'exit',
};

function formatCondition(insn: InsnFields, wide: boolean): string {
  const r = wide ? 'r' : 'w';
  const second =
    (insn.opcode & SOURCE.X) !== 0 ? `${r}${insn.src}` : `0x${(insn.imm >>> 0).toString(16)}`;
  const sign = JUMP_SIGNS[(insn.opcode & 0xf0) >> 4] ?? '(null)';
  return `if ${r}${insn.dst} ${sign} ${second} goto pc${signedText(insn.off)}`;
}

function formatCall(insn: InsnFields, names: InsnNames): string {
  if (insn.src === CALL.LOCAL) return `call pc${signedText(insn.imm)}`;
  const name =
    insn.src === CALL.KFUNC
      ? (names.kfunc?.(insn.imm) ?? 'kernel-function')
      : ((insn.src === CALL.HELPER ? names.helper?.(insn.imm) : undefined) ?? 'unknown');
  return `call ${name}#${insn.imm}`;
}

function formatLoad(insn: InsnFields): string {
  const mode = insn.opcode & 0xe0;
  if (mode !== MODE.MEM && mode !== MODE.MEMSX) return `BUG_ldx_${hex2(insn.opcode)}`;
  const sizes = mode === MODE.MEM ? SIZES : SIGNED_SIZES;
  const size = sizes[(insn.opcode & 0x18) >> 3] ?? '(null)';
  return `r${insn.dst} = *(${size} *)(r${insn.src} ${signedText(insn.off)})`;
}

function formatStore(insn: InsnFields): string {
  const mode = insn.opcode & 0xe0;
  if (mode === MODE.MEM) return `${memory(insn, insn.dst)} = r${insn.src}`;
  if (mode !== MODE.ATOMIC) return `BUG_${hex2(insn.opcode)}`;
  const width = (insn.opcode & 0x18) === SIZE.DW ? '64' : '';
  const at = place(insn, insn.dst);
  switch (insn.imm) {
    case ATOMIC.XCHG:
      return `r${insn.src} = atomic${width}_xchg(${at}, r${insn.src})`;
    case ATOMIC.CMPXCHG:
      return `r0 = atomic${width}_cmpxchg(${at}, r0, r${insn.src})`;
    case ATOMIC.LOAD_ACQ:
      return `r${insn.dst} = load_acquire(${place(insn, insn.src)})`;
    case ATOMIC.STORE_REL:
      return `store_release(${at}, r${insn.src})`;
    default:
      return formatArithmeticAtomic(insn, width, at);
  }
}

function formatArithmeticAtomic(insn: InsnFields, width: string, at: string): string {
  const name = ATOMIC_NAMES[insn.imm & ~ATOMIC.FETCH];
  if (name === undefined) return `BUG_${hex2(insn.opcode)}`;
  return (insn.imm & ATOMIC.FETCH) === 0
    ? `lock *${at} ${ALU_SIGNS[insn.imm >> 4]} r${insn.src}`
    : `r${insn.src} = atomic${width}_fetch_${name}(${at}, r${insn.src})`;
}

function formatLd(insn: InsnFields, names: InsnNames): string {
  const mode = insn.opcode & 0xe0;
  const size = SIZES[(insn.opcode & 0x18) >> 3];
  if (mode === MODE.ABS) return `r0 = *(${size} *)skb[${insn.imm}]`;
  if (mode === MODE.IND) return `r0 = *(${size} *)skb[r${insn.src} + ${insn.imm}]`;
  if (insn.opcode !== LD_IMM64) return `BUG_ld_${hex2(insn.opcode)}`;
  return `r${insn.dst} = ${names.imm64?.(insn) ?? formatImm64(insn)}`;
}

function formatImm64(insn: InsnFields): string {
  const low = insn.imm >>> 0;
  const high = insn.immHi >>> 0;
  switch (insn.src) {
    case PSEUDO.MAP_FD:
      return `map[fd:${low}]`;
    case PSEUDO.MAP_VALUE:
      return `map[fd:${low}][0]+${high}`;
    case PSEUDO.MAP_IDX:
      return `map[idx:${low}]`;
    case PSEUDO.MAP_IDX_VALUE:
      return `map[idx:${low}][0]+${high}`;
    case PSEUDO.BTF_ID:
      return high === 0 ? `btf[id:${low}]` : `btf[id:${low}][fd:${high}]`;
    case PSEUDO.FUNC:
      return `subprog[${signedText(insn.imm)}]`;
    default:
      return high === 0
        ? `0x${low.toString(16)}`
        : `0x${high.toString(16)}${low.toString(16).padStart(8, '0')}`;
  }
}

const memory = (insn: InsnFields, base: number): string => `*${place(insn, base)}`;

const place = (insn: InsnFields, base: number): string =>
  `(${SIZES[(insn.opcode & 0x18) >> 3]} *)(r${base} ${signedText(insn.off)})`;

const signedText = (n: number): string => (n < 0 ? `${n}` : `+${n}`);

const hex2 = (n: number): string => n.toString(16).padStart(2, '0');
