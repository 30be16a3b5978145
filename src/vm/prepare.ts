import { CALL, CLASS, PSEUDO, REGISTERS, SOURCE, decode, isAddrSpaceCast } from '../isa/index.ts';
import type { InsnKind, Instruction } from '../isa/index.ts';
import type { Executable, HelperFunction } from './machine.ts';

/** Words of a prepared instruction; the interpreter has it, and IMMEDIATE, as literals. */
export const STRIDE = 4;
/** In word 0: the second operand is the immediate in word 2, not a register. */
const IMMEDIATE = 0x100;
/** Word 1 of a call. */
export const CALL_LOCAL = 1;
export const CALL_FUNCTION = 0;

/**
 * A program decoded once for all its runs. An instruction is four words:
 *
 *   0  opcode byte, or'ed with IMMEDIATE
 *   1  destination register; for a call CALL_LOCAL or CALL_FUNCTION
 *   2  source register, or the immediate; for a call the index into `functions`
 *   3  signed offset; for jumps and local calls the word index of the target; high half of a 64-bit constant; for an
 *      atomic operation its number in the high 16 bits and the offset in the low ones
 *
 * Opcode 0, which the instruction set leaves unused, is a trap: it stands for what cannot run and behind the last
 * instruction, where jumps out of the program lead.
 */
export interface Prepared {
  readonly executable: Executable;
  readonly words: Int32Array;
  /** Of the program, the trap at the end left out. */
  readonly slots: number;
  /** One for each call instruction that calls out of the program. */
  readonly functions: readonly (HelperFunction | undefined)[];
}

/** Low half of the address of instruction 0, in the region where Linux puts JITed code; the high half is all ones. */
const CODE_BASE = 0xc0000000 | 0;
const CODE_HI = -1;

/** Low half of a function pointer, 8 bytes an instruction. */
const codeAddress = (insn: number): number => (CODE_BASE + insn * 8) | 0;

/** The instruction that a function pointer names, or -1. */
export function insnOfCodeAddress(low: number, slots: number): number {
  const distance = (low - CODE_BASE) >>> 0;
  return distance % 8 === 0 && distance / 8 < slots ? distance / 8 : -1;
}

/** Decodes a program and finds the functions that it calls. Malformed instructions become faults when they run. */
export function prepare(executable: Executable): Prepared {
  const insns = decode(executable.code);
  const slots = insns.reduce((sum, insn) => sum + insn.slots, 0);
  const words = new Int32Array((slots + 1) * STRIDE);
  const starts = new Uint8Array(slots + 1);
  for (const insn of insns) starts[insn.index] = 1;
  const functions: (HelperFunction | undefined)[] = [];
  const target = (slot: number): number => (starts[slot] === 1 ? slot : slots) * STRIDE;
  for (const insn of insns) {
    if (!runs(insn)) continue;
    const at = insn.index * STRIDE;
    words[at] = insn.opcode | (takesImmediate(insn) ? IMMEDIATE : 0);
    words[at + 1] = insn.dst;
    words[at + 2] = secondWord(insn);
    words[at + 3] = lastWord(insn, target);
    if (insn.kind === 'call') prepareCall(insn, words, functions, executable);
  }
  return { executable, words, slots, functions };
}

/**
 * Neither arenas nor packets exist here, and pseudo constants other than functions must have been resolved: what they
 * name is an address by now.
 */
function runs(insn: Instruction): boolean {
  if (!insn.wellFormed || insn.dst >= REGISTERS) return false;
  if (insn.kind === 'load_imm64') return insn.src === 0 || insn.src === PSEUDO.FUNC;
  return insn.src < REGISTERS && insn.kind !== 'load_packet' && !isAddrSpaceCast(insn);
}

function secondWord(insn: Instruction): number {
  if (insn.kind === 'load_imm64' && insn.src === PSEUDO.FUNC)
    return codeAddress(insn.index + 1 + insn.imm);
  return takesImmediate(insn) ? insn.imm : insn.src;
}

const IMMEDIATE_KINDS: ReadonlySet<InsnKind> = new Set(['neg', 'end', 'store_imm', 'load_imm64']);

const takesImmediate = ({ kind, opcode }: Instruction): boolean =>
  kind === 'alu' || kind === 'mov' || kind === 'jump'
    ? (opcode & SOURCE.X) === 0
    : IMMEDIATE_KINDS.has(kind);

function lastWord(insn: Instruction, target: (slot: number) => number): number {
  const { kind, src, off, imm } = insn;
  const next = insn.index + 1;
  if (kind === 'jump' || kind === 'may_goto') return target(next + off);
  if (kind === 'goto') return target(next + ((insn.opcode & 7) === CLASS.JMP32 ? imm : off));
  if (kind === 'call') return src === CALL.LOCAL ? target(next + imm) : 0;
  if (kind === 'load_imm64') return src === PSEUDO.FUNC ? CODE_HI : insn.immHi;
  return kind === 'atomic' ? (imm << 16) | (off & 0xffff) : off;
}

function prepareCall(
  insn: Instruction,
  words: Int32Array,
  functions: (HelperFunction | undefined)[],
  executable: Executable,
): void {
  const at = insn.index * STRIDE;
  words[at + 1] = insn.src === CALL.LOCAL ? CALL_LOCAL : CALL_FUNCTION;
  if (insn.src === CALL.LOCAL) return;
  words[at + 2] = functions.length;
  functions.push(
    insn.src === CALL.KFUNC ? executable.kfuncs(insn.imm) : executable.helpers(insn.imm),
  );
}
