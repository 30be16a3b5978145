import { int16, int32, number } from './cursor.ts';
import type { Line } from './cursor.ts';
import type { InsnFields } from './instruction.ts';
import { CLASS, FRAME_POINTER, MODE, SIZE, SOURCE } from './opcodes.ts';
import { SIGNED_SIZES, SIZES } from './signs.ts';

/** An instruction while it is being read. */
export type Mutable = { -readonly [K in keyof InsnFields]: InsnFields[K] };

/** A label that an instruction waits for, and the field which takes the distance to it. */
interface Target {
  readonly label: string;
  readonly column: number;
  readonly field: 'off' | 'imm';
}

export interface Parsed {
  readonly insn: Mutable;
  readonly target?: Target | undefined;
}

export const fields = (opcode: number, rest: Partial<InsnFields> = {}): Mutable => ({
  opcode,
  dst: 0,
  src: 0,
  off: 0,
  imm: 0,
  immHi: 0,
  ...rest,
});

export const atomic = (size: number, rest: Partial<InsnFields>): Mutable =>
  fields(CLASS.STX | MODE.ATOMIC | size, rest);

/** `pc+3` or a label. */
export function parseJump(line: Line, insn: Mutable, field: 'off' | 'imm'): Parsed {
  if (line.eat(/pc(?=[+-])/y) !== undefined) {
    const distance = number(line);
    insn[field] = field === 'off' ? int16(line, distance) : int32(line, distance);
    return { insn };
  }
  const column = line.column();
  const label = line.eat(/[A-Za-z_.$][\w.$]*/y);
  if (label === undefined) return line.fail('syntax', 'expected pc+N or a label', column);
  return { insn, target: { label: label[0], column, field } };
}

export interface Register {
  readonly index: number;
  /** `r` rather than `w`. */
  readonly wide: boolean;
}

export function register(line: Line): Register {
  const column = line.column();
  const match = line.eat(/([rw])(\d+)\b/y);
  if (match === undefined) return line.fail('syntax', 'expected a register', column);
  const index = Number(match[2]);
  if (index > FRAME_POINTER) line.fail('register', `there is no register ${match[0]}`, column);
  return { index, wide: match[1] === 'r' };
}

export function wideRegister(line: Line): number {
  const r = register(line);
  if (!r.wide) line.fail('operand', 'expected a 64-bit register');
  return r.index;
}

export const sameRegister = (a: Register, b: Register): boolean =>
  a.index === b.index && a.wide === b.wide;

interface Operand {
  readonly source: number;
  readonly src: number;
  readonly value: bigint;
}

export function operand(line: Line, wide: boolean): Operand {
  if (!line.sees(/[rw]\d/y)) return { source: SOURCE.K, src: 0, value: number(line) };
  const r = register(line);
  if (r.wide !== wide) line.fail('operand', 'both registers must have one width');
  return { source: SOURCE.X, src: r.index, value: 0n };
}

/** `(u32 *)(r1 +8)`. */
export function place(line: Line): { size: number; signed: boolean; base: number; off: number } {
  line.need('(');
  const { size, signed } = accessType(line);
  line.need('*');
  line.need(')');
  line.need('(');
  const base = wideRegister(line);
  const off = int16(line, number(line));
  line.need(')');
  return { size, signed, base, off };
}

function accessType(line: Line): { size: number; signed: boolean } {
  const column = line.column();
  const type = line.eat(/[us](?:8|16|32|64)\b/y)?.[0];
  const bits = (SIZES as readonly string[]).indexOf(type ?? '');
  const signedBits = (SIGNED_SIZES as readonly string[]).indexOf(type ?? '');
  if (bits < 0 && signedBits < 0) line.fail('operand', 'expected u8…u64 or s8…s32', column);
  return { size: Math.max(bits, signedBits) << 3, signed: bits < 0 };
}

export function unsignedPlace(line: Line): { size: number; base: number; off: number } {
  const column = line.column();
  const at = place(line);
  if (at.signed) line.fail('operand', 'only a load extends the sign', column);
  return at;
}

export function atomicPlace(line: Line): { size: number; base: number; off: number } {
  const column = line.column();
  const at = unsignedPlace(line);
  if (at.size !== SIZE.W && at.size !== SIZE.DW)
    line.fail('operand', 'an atomic operation is on u32 or u64', column);
  return at;
}
