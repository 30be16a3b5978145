import { int32, number, word32 } from './cursor.ts';
import type { Line } from './cursor.ts';
import { ALU, ATOMIC, CLASS, LD_IMM64, MODE, PSEUDO, SIZE, SOURCE } from './opcodes.ts';
import {
  atomic,
  atomicPlace,
  fields,
  operand,
  place,
  register,
  sameRegister,
  unsignedPlace,
  wideRegister,
} from './operands.ts';
import type { Mutable, Parsed, Register } from './operands.ts';
import { ALU_SIGNS, ATOMIC_NAMES, SIZES } from './signs.ts';

/** Everything that starts with a register. */
export function parseAssignment(line: Line, opcode: number | undefined): Parsed {
  const dst = register(line);
  const column = line.column();
  const sign = line.eat(/(?:s>>=|s\/=|s%=|>>=|<<=|[-+*/|&%^]=|=)/y)?.[0];
  if (sign === undefined) return line.fail('syntax', 'expected an operator', column);
  if (sign === '=') return parseValue(line, dst, opcode);
  const signed = sign === 's/=' || sign === 's%=';
  const op = ALU_SIGNS.indexOf(signed ? sign.slice(1) : sign) << 4;
  return { insn: alu(line, dst, op, signed ? 1 : 0) };
}

function alu(line: Line, dst: Register, op: number, off: number): Mutable {
  const value = operand(line, dst.wide);
  const insn = fields(aluClass(dst) | op | value.source, { dst: dst.index, src: value.src, off });
  // A 64-bit operation extends the sign of its immediate, so 0xffffffff would not mean what it says.
  if (value.source === SOURCE.K)
    insn.imm = dst.wide ? int32(line, value.value) : word32(line, value.value);
  return insn;
}

const aluClass = (r: Register): number => (r.wide ? CLASS.ALU64 : CLASS.ALU);

function parseValue(line: Line, dst: Register, opcode: number | undefined): Parsed {
  if (line.eat(/-\s*(?=[rw]\d)/y) !== undefined) {
    if (!sameRegister(dst, register(line))) line.fail('operand', 'negation is in place');
    return { insn: fields(aluClass(dst) | ALU.NEG, { dst: dst.index }) };
  }
  const swap = line.eat(/(le|be|bswap)(16|32|64)\b/y);
  if (swap !== undefined) return { insn: parseSwap(line, dst, swap) };
  const extension = line.eat(/\(s(8|16|32)\)/y);
  if (extension !== undefined) {
    const src = register(line);
    if (src.wide !== dst.wide) line.fail('operand', 'both registers must have one width');
    const rest = { dst: dst.index, src: src.index, off: Number(extension[1]) };
    return { insn: fields(aluClass(dst) | ALU.MOV | SOURCE.X, rest) };
  }
  const call = line.eat(
    /addr_space_cast|load_acquire|atomic(64)?_(?:fetch_(add|or|and|xor)|(xchg|cmpxchg))/y,
  );
  if (call !== undefined) return { insn: parseOperation(line, dst, call) };
  if (line.has('*')) return { insn: parseLoad(line, dst) };
  if (line.sees(/(?:map|btf|subprog)\[/y)) return parsePseudo(line, dst);
  if (line.sees(/[rw]\d/y)) return { insn: alu(line, dst, ALU.MOV, 0) };
  return { insn: parseConstant(line, dst, opcode) };
}

function parseSwap(line: Line, dst: Register, swap: RegExpExecArray): Mutable {
  const src = register(line);
  if (src.index !== dst.index) line.fail('operand', 'a byte swap is in place');
  const opcode =
    swap[1] === 'bswap' ? CLASS.ALU64 : CLASS.ALU | (swap[1] === 'be' ? SOURCE.X : SOURCE.K);
  return fields(opcode | ALU.END, { dst: dst.index, imm: Number(swap[2]) });
}

function parseOperation(line: Line, dst: Register, call: RegExpExecArray): Mutable {
  if (!dst.wide) line.fail('operand', 'the result is a 64-bit register');
  line.need('(');
  if (call[0] === 'addr_space_cast') return parseCast(line, dst);
  if (call[0] === 'load_acquire') {
    const { size, base, off } = unsignedPlace(line);
    line.need(')');
    return atomic(size, { dst: dst.index, src: base, off, imm: ATOMIC.LOAD_ACQ });
  }
  const column = line.column();
  const { size, base, off } = atomicPlace(line);
  if ((size === SIZE.DW) !== (call[1] === '64'))
    line.fail('operand', 'the name of the operation says another width', column);
  line.need(',');
  if (call[3] === 'cmpxchg') {
    line.need('r0');
    line.need(',');
  }
  const src = wideRegister(line);
  line.need(')');
  if (dst.index !== (call[3] === 'cmpxchg' ? 0 : src))
    line.fail('operand', 'the old value comes back in another register');
  return atomic(size, { dst: base, off, src, imm: atomicNumber(call[2], call[3]) });
}

function atomicNumber(arithmetic: string | undefined, exchange: string | undefined): number {
  if (exchange !== undefined) return exchange === 'xchg' ? ATOMIC.XCHG : ATOMIC.CMPXCHG;
  const found = Object.entries(ATOMIC_NAMES).find(([, name]) => name === arithmetic);
  return Number(found?.[0]) | ATOMIC.FETCH;
}

function parseCast(line: Line, dst: Register): Mutable {
  const src = wideRegister(line);
  line.need(',');
  const to = number(line);
  line.need(',');
  const from = number(line);
  line.need(')');
  if (to < 0n || to > 0xffffn || from < 0n || from > 0xffffn)
    line.fail('range', 'an address space has 16 bits');
  const imm = (Number(to) << 16) | Number(from);
  return fields(CLASS.ALU64 | ALU.MOV | SOURCE.X, { dst: dst.index, src, off: 1, imm });
}

function parseLoad(line: Line, dst: Register): Mutable {
  if (!dst.wide) line.fail('operand', 'a load fills a 64-bit register');
  const packet = line.eat(/\((u8|u16|u32) \*\)skb\[/y);
  if (packet !== undefined) return parsePacketLoad(line, dst, packet[1] ?? '');
  const { size, signed, base, off } = place(line);
  const mode = signed ? MODE.MEMSX : MODE.MEM;
  return fields(CLASS.LDX | mode | size, { dst: dst.index, src: base, off });
}

function parsePacketLoad(line: Line, dst: Register, type: string): Mutable {
  if (dst.index !== 0) line.fail('operand', 'a packet load fills r0');
  const size = (SIZES as readonly string[]).indexOf(type) << 3;
  const indirect = line.sees(/r\d/y);
  const src = indirect ? wideRegister(line) : 0;
  if (indirect) line.need('+');
  const imm = int32(line, number(line));
  line.need(']');
  return fields(CLASS.LD | (indirect ? MODE.IND : MODE.ABS) | size, { src, imm });
}

function parsePseudo(line: Line, dst: Register): Parsed {
  if (!dst.wide) line.fail('operand', 'an address fills a 64-bit register');
  const insn = fields(LD_IMM64, { dst: dst.index });
  if (line.eat(/subprog\[/y) !== undefined) {
    insn.src = PSEUDO.FUNC;
    const column = line.column();
    const label = line.eat(/[A-Za-z_.$][\w.$]*/y)?.[0];
    if (label === undefined) insn.imm = int32(line, number(line));
    line.need(']');
    return label === undefined ? { insn } : { insn, target: { label, column, field: 'imm' } };
  }
  const map = line.eat(/map\[(fd|idx):(\d+)\](?:\[0\]\+(\d+))?/y);
  if (map !== undefined) {
    const value = map[3] !== undefined;
    if (map[1] === 'fd') insn.src = value ? PSEUDO.MAP_VALUE : PSEUDO.MAP_FD;
    else insn.src = value ? PSEUDO.MAP_IDX_VALUE : PSEUDO.MAP_IDX;
    insn.imm = word32(line, BigInt(map[2] ?? 0));
    insn.immHi = word32(line, BigInt(map[3] ?? 0));
    return { insn };
  }
  const btf = line.eat(/btf\[id:(\d+)\](?:\[fd:(\d+)\])?/y);
  if (btf === undefined) return line.fail('syntax', 'expected map[fd:N], btf[id:N] or subprog[+N]');
  insn.src = PSEUDO.BTF_ID;
  insn.imm = word32(line, BigInt(btf[1] ?? 0));
  insn.immHi = word32(line, BigInt(btf[2] ?? 0));
  return { insn };
}

/**
 * The kernel prints both `r1 = 5` (a move) and `r1 = 0x5` (a 64-bit load); without the opcode before it, or `ll` after
 * it, a constant is a move wherever its value fits one.
 */
function parseConstant(line: Line, dst: Register, opcode: number | undefined): Mutable {
  const value = number(line);
  const wide = line.eat(/ll\b/y) !== undefined || opcode === LD_IMM64;
  const fits = value >= -0x8000_0000n && value <= 0x7fff_ffffn;
  if (!dst.wide) {
    if (wide) line.fail('operand', 'a 64-bit load fills a 64-bit register');
    return fields(CLASS.ALU | ALU.MOV, { dst: dst.index, imm: word32(line, value) });
  }
  if (!wide && fits) return fields(CLASS.ALU64 | ALU.MOV, { dst: dst.index, imm: Number(value) });
  if (value < -(2n ** 63n) || value >= 2n ** 64n)
    line.fail('range', 'the value needs over 64 bits');
  const imm = Number(BigInt.asIntN(32, value));
  return fields(LD_IMM64, { dst: dst.index, imm, immHi: Number(BigInt.asIntN(32, value >> 32n)) });
}
