/** The numbers of the instruction set, named as in `include/uapi/linux/bpf.h` without the `BPF_` prefix (RFC 9669). */

/** Size of one slot in bytes; a 64-bit immediate load takes two slots. */
export const INSN_SIZE = 8;
/** r0–r9 and the frame pointer r10. */
export const REGISTERS = 11;
export const FRAME_POINTER = 10;

/** Low three bits of an opcode. */
export const CLASS = { LD: 0, LDX: 1, ST: 2, STX: 3, ALU: 4, JMP: 5, JMP32: 6, ALU64: 7 } as const;

/** Bit 3 of arithmetic and jumps: the second operand is `imm` or a register. */
export const SOURCE = { K: 0, X: 8 } as const;

/** Bits 4–7 of arithmetic. */
export const ALU = {
  ADD: 0x00,
  SUB: 0x10,
  MUL: 0x20,
  DIV: 0x30,
  OR: 0x40,
  AND: 0x50,
  LSH: 0x60,
  RSH: 0x70,
  NEG: 0x80,
  MOD: 0x90,
  XOR: 0xa0,
  MOV: 0xb0,
  ARSH: 0xc0,
  END: 0xd0,
} as const;

/** Bits 4–7 of jumps. */
export const JMP = {
  JA: 0x00,
  JEQ: 0x10,
  JGT: 0x20,
  JGE: 0x30,
  JSET: 0x40,
  JNE: 0x50,
  JSGT: 0x60,
  JSGE: 0x70,
  CALL: 0x80,
  EXIT: 0x90,
  JLT: 0xa0,
  JLE: 0xb0,
  JSLT: 0xc0,
  JSLE: 0xd0,
  JCOND: 0xe0,
} as const;

/** Bits 3–4 of loads and stores. */
export const SIZE = { W: 0x00, H: 0x08, B: 0x10, DW: 0x18 } as const;

/** Bits 5–7 of loads and stores. */
export const MODE = {
  IMM: 0x00,
  ABS: 0x20,
  IND: 0x40,
  MEM: 0x60,
  MEMSX: 0x80,
  ATOMIC: 0xc0,
} as const;

/** `imm` of an atomic instruction; add, or, and, xor are the ALU numbers, with or without FETCH. */
export const ATOMIC = {
  FETCH: 0x01,
  XCHG: 0xe1,
  CMPXCHG: 0xf1,
  LOAD_ACQ: 0x100,
  STORE_REL: 0x110,
} as const;

/** `src` of a 64-bit immediate load: what the immediate means. */
export const PSEUDO = {
  MAP_FD: 1,
  MAP_VALUE: 2,
  BTF_ID: 3,
  FUNC: 4,
  MAP_IDX: 5,
  MAP_IDX_VALUE: 6,
} as const;

/** `src` of a call. */
export const CALL = { HELPER: 0, LOCAL: 1, KFUNC: 2 } as const;

/** The one-slot opcode of a 64-bit immediate load. */
export const LD_IMM64 = CLASS.LD | MODE.IMM | SIZE.DW;

/** `off` of a 64-bit register move that changes the address space of a pointer into an arena. */
export const ADDR_SPACE_CAST = 1;

/** What an opcode does; it decides which fields of the instruction have a meaning. */
export type InsnKind =
  | 'alu'
  | 'neg'
  | 'mov'
  | 'end'
  | 'load'
  | 'load_sx'
  | 'load_imm64'
  | 'load_packet'
  | 'store'
  | 'store_imm'
  | 'atomic'
  | 'jump'
  | 'goto'
  | 'may_goto'
  | 'call'
  | 'exit'
  | 'unknown';

const SPECIAL_ALU: Readonly<Record<number, InsnKind>> = {
  [ALU.NEG]: 'neg',
  [ALU.MOV]: 'mov',
  [ALU.END]: 'end',
};

function aluKind(code: number): InsnKind {
  const op = code & 0xf0;
  const register = (code & SOURCE.X) !== 0;
  if (op > ALU.END || (op === ALU.NEG && register)) return 'unknown';
  // The source bit of a byte swap is its direction; the 64-bit class swaps always and has no direction.
  if (op === ALU.END && (code & 7) === CLASS.ALU64 && register) return 'unknown';
  return SPECIAL_ALU[op] ?? 'alu';
}

const SPECIAL_JMP: Readonly<Record<number, InsnKind>> = {
  [JMP.CALL]: 'call',
  [JMP.EXIT]: 'exit',
  [JMP.JCOND]: 'may_goto',
};

function jumpKind(code: number): InsnKind {
  const op = code & 0xf0;
  const register = (code & SOURCE.X) !== 0;
  if (op === JMP.JA) return register ? 'unknown' : 'goto';
  const special = SPECIAL_JMP[op];
  if (special !== undefined) return register || (code & 7) === CLASS.JMP32 ? 'unknown' : special;
  return op > JMP.JCOND ? 'unknown' : 'jump';
}

function memoryKind(code: number): InsnKind {
  const mode = code & 0xe0;
  const size = code & 0x18;
  switch (code & 7) {
    case CLASS.LDX:
      if (mode === MODE.MEM) return 'load';
      return mode === MODE.MEMSX && size !== SIZE.DW ? 'load_sx' : 'unknown';
    case CLASS.ST:
      return mode === MODE.MEM ? 'store_imm' : 'unknown';
    case CLASS.STX:
      if (mode === MODE.MEM) return 'store';
      return mode === MODE.ATOMIC ? 'atomic' : 'unknown';
    default:
      if (code === LD_IMM64) return 'load_imm64';
      return (mode === MODE.ABS || mode === MODE.IND) && size !== SIZE.DW
        ? 'load_packet'
        : 'unknown';
  }
}

function kindOfOpcode(code: number): InsnKind {
  const cls = code & 7;
  if (cls === CLASS.ALU || cls === CLASS.ALU64) return aluKind(code);
  return cls === CLASS.JMP || cls === CLASS.JMP32 ? jumpKind(code) : memoryKind(code);
}

/** Kind by opcode byte: the opcodes that `bpf_opcode_in_insntable` (kernel/bpf/core.c) knows. */
export const KINDS: readonly InsnKind[] = Array.from({ length: 256 }, (_, code) =>
  kindOfOpcode(code),
);

/** Bytes that a load or store of this opcode touches. */
export function accessSize(opcode: number): 1 | 2 | 4 | 8 {
  switch (opcode & 0x18) {
    case SIZE.B:
      return 1;
    case SIZE.H:
      return 2;
    case SIZE.W:
      return 4;
    default:
      return 8;
  }
}
