import {
  ADDR_SPACE_CAST,
  ALU,
  ATOMIC,
  CALL,
  CLASS,
  INSN_SIZE,
  KINDS,
  LD_IMM64,
  MODE,
  PSEUDO,
  SIZE,
  SOURCE,
} from './opcodes.ts';
import type { InsnKind } from './opcodes.ts';

/** The fields of one instruction as they are stored, little endian (`struct bpf_insn`). */
export interface InsnFields {
  readonly opcode: number;
  /** 0–15: four bits; registers end at 10. */
  readonly dst: number;
  readonly src: number;
  /** Signed 16 bits. */
  readonly off: number;
  /** Signed 32 bits. */
  readonly imm: number;
  /** `imm` of the second slot of a 64-bit immediate load, signed 32 bits; 0 for every other instruction. */
  readonly immHi: number;
}

export interface Instruction extends InsnFields {
  /** Slot of the instruction: jumps and line information count slots. */
  readonly index: number;
  /** A 64-bit immediate load takes two slots, but one when the code ends inside it. */
  readonly slots: 1 | 2;
  readonly kind: InsnKind;
  /**
   * The opcode is known and the fields that it leaves unused are zero, as Linux demands at load. Register numbers and
   * targets are not looked at.
   */
  readonly wellFormed: boolean;
}

/** The instruction at slot `index`; never throws for a slot that lies inside `code`. */
export function decodeAt(code: Uint8Array, index: number): Instruction {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  return decodeSlot(view, index);
}

/** All instructions in order; bytes after the last whole slot are left out. */
export function decode(code: Uint8Array): Instruction[] {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  const count = Math.floor(code.length / INSN_SIZE);
  const out: Instruction[] = [];
  for (let index = 0; index < count;) {
    const insn = decodeSlot(view, index);
    out.push(insn);
    index += insn.slots;
  }
  return out;
}

function decodeSlot(view: DataView, index: number): Instruction {
  const at = index * INSN_SIZE;
  const opcode = view.getUint8(at);
  const registers = view.getUint8(at + 1);
  const wide = opcode === LD_IMM64 && at + 2 * INSN_SIZE <= view.byteLength;
  const fields: InsnFields = {
    opcode,
    dst: registers & 15,
    src: registers >> 4,
    off: view.getInt16(at + 2, true),
    imm: view.getInt32(at + 4, true),
    immHi: wide ? view.getInt32(at + INSN_SIZE + 4, true) : 0,
  };
  const kind = KINDS[opcode] ?? 'unknown';
  const secondSlotClean = wide && view.getInt32(at + INSN_SIZE, true) === 0;
  return {
    ...fields,
    index,
    slots: wide ? 2 : 1,
    kind,
    wellFormed: fieldsAreWellFormed(kind, fields) && (kind !== 'load_imm64' || secondSlotClean),
  };
}

/** Kernel-format bytes; a 64-bit immediate load gives two slots. */
export function encode(insns: readonly InsnFields[]): Uint8Array<ArrayBuffer> {
  const slots = insns.reduce((sum, insn) => sum + (insn.opcode === LD_IMM64 ? 2 : 1), 0);
  const out = new Uint8Array(slots * INSN_SIZE);
  const view = new DataView(out.buffer);
  let at = 0;
  for (const insn of insns) {
    view.setUint8(at, insn.opcode);
    view.setUint8(at + 1, (insn.src << 4) | insn.dst);
    view.setInt16(at + 2, insn.off, true);
    view.setInt32(at + 4, insn.imm, true);
    at += INSN_SIZE;
    if (insn.opcode !== LD_IMM64) continue;
    view.setInt32(at + 4, insn.immHi, true);
    at += INSN_SIZE;
  }
  return out;
}

/** Which fields each kind may use; the rules of `do_check`, `check_alu_op` and their kin in kernel/bpf/verifier.c. */
function fieldsAreWellFormed(kind: InsnKind, f: InsnFields): boolean {
  const register = (f.opcode & SOURCE.X) !== 0;
  switch (kind) {
    case 'alu':
      return secondOperandAlone(f, register) && (f.off === 0 || (f.off === 1 && isDivision(f)));
    case 'neg':
      return f.src === 0 && f.off === 0 && f.imm === 0;
    case 'mov':
      return movIsWellFormed(f, register);
    case 'end':
      return f.src === 0 && f.off === 0 && (f.imm === 16 || f.imm === 32 || f.imm === 64);
    case 'load':
    case 'load_sx':
    case 'store':
      return f.imm === 0;
    case 'store_imm':
      return f.src === 0;
    case 'load_imm64':
      return f.off === 0 && pseudoIsWellFormed(f);
    case 'load_packet':
      return f.dst === 0 && f.off === 0 && ((f.opcode & 0xe0) === MODE.IND || f.src === 0);
    case 'atomic':
      return atomicIsWellFormed(f);
    case 'jump':
      return secondOperandAlone(f, register);
    case 'goto':
      return f.dst === 0 && f.src === 0 && unusedOffset(f) === 0;
    case 'may_goto':
      return f.dst === 0 && f.src === 0 && f.imm === 0;
    case 'call':
      return f.dst === 0 && f.src <= CALL.KFUNC && (f.src === CALL.KFUNC || f.off === 0);
    case 'exit':
      // Linux does not look at `off` here.
      return f.dst === 0 && f.src === 0 && f.imm === 0;
    case 'unknown':
      return false;
    default:
      return kind satisfies never;
  }
}

const secondOperandAlone = (f: InsnFields, register: boolean): boolean =>
  register ? f.imm === 0 : f.src === 0;

/** `goto` counts by `off`, `gotol` by `imm`. */
const unusedOffset = (f: InsnFields): number => ((f.opcode & 7) === CLASS.JMP32 ? f.off : f.imm);

const isDivision = (f: InsnFields): boolean => {
  const op = f.opcode & 0xf0;
  return op === ALU.DIV || op === ALU.MOD;
};

/** True when the instruction is `addr_space_cast`. */
export const isAddrSpaceCast = (f: InsnFields): boolean =>
  f.opcode === (CLASS.ALU64 | SOURCE.X | ALU.MOV) && f.off === ADDR_SPACE_CAST;

function movIsWellFormed(f: InsnFields, register: boolean): boolean {
  if (!register) return f.src === 0 && f.off === 0;
  // Between address spaces 0 and 1 only, in either direction.
  if (isAddrSpaceCast(f)) return f.imm === 1 || f.imm === 1 << 16;
  if (f.imm !== 0) return false;
  const widest = (f.opcode & 7) === CLASS.ALU64 ? 32 : 16;
  return f.off === 0 || ((f.off === 8 || f.off === 16 || f.off === 32) && f.off <= widest);
}

function pseudoIsWellFormed(f: InsnFields): boolean {
  if (f.src === PSEUDO.MAP_FD || f.src === PSEUDO.MAP_IDX) return f.immHi === 0;
  return f.src <= PSEUDO.MAP_IDX_VALUE;
}

function atomicIsWellFormed(f: InsnFields): boolean {
  if (f.imm === ATOMIC.LOAD_ACQ || f.imm === ATOMIC.STORE_REL) return true;
  const size = f.opcode & 0x18;
  if (size !== SIZE.W && size !== SIZE.DW) return false;
  if (f.imm === ATOMIC.XCHG || f.imm === ATOMIC.CMPXCHG) return true;
  const op = f.imm & ~ATOMIC.FETCH;
  return op === ALU.ADD || op === ALU.OR || op === ALU.AND || op === ALU.XOR;
}
