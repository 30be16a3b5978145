import { Line, int32, number, word32 } from './cursor.ts';
import { encode } from './instruction.ts';
import { ATOMIC, CALL, CLASS, JMP, LD_IMM64, MODE, SOURCE } from './opcodes.ts';
import {
  atomic,
  atomicPlace,
  fields,
  operand,
  parseJump,
  register,
  unsignedPlace,
  wideRegister,
} from './operands.ts';
import type { Mutable, Parsed } from './operands.ts';
import { parseAssignment } from './assignments.ts';
import { ALU_SIGNS, JUMP_SIGNS } from './signs.ts';

/** Numbers of the names in `call NAME`; a call that gives its number (`call NAME#NUMBER`) needs none. */
export interface AssemblyNames {
  readonly helper?: (name: string) => number | undefined;
  /** A name known here makes the call one of a kernel function, also when its number is given. */
  readonly kfunc?: (name: string) => number | undefined;
}

/**
 * Bytes of a program written as the verifier prints it: `(b7) r0 = 0`, one instruction a line. The listing's index
 * and opcode may be left out; an opcode that is there must be the instruction's. Beyond the kernel's text:
 * `label:` and jumps, calls and `subprog[…]` to labels; `;` and `//` comments; hexadecimal numbers; `r1 = NUMBER ll`.
 *
 * @throws AssemblyError
 */
export function assemble(text: string, names: AssemblyNames = {}): Uint8Array<ArrayBuffer> {
  const labels = new Map<string, number>();
  const statements: Statement[] = [];
  let slot = 0;
  text.split('\n').forEach((source, i) => {
    const line = new Line(source.replace(/(?:;|\/\/).*$/, ''), i + 1);
    line.eat(/\d+:/y);
    for (let label = line.eat(LABEL); label !== undefined; label = line.eat(LABEL)) {
      const name = label[1] ?? '';
      if (labels.has(name)) line.fail('label', `label ${name} is defined twice`);
      labels.set(name, slot);
    }
    if (line.atEnd()) return;
    const statement = parseStatement(line, names);
    statements.push({ ...statement, slot, line });
    slot += statement.insn.opcode === LD_IMM64 ? 2 : 1;
  });
  return encode(statements.map((statement) => resolveTarget(statement, labels)));
}

const LABEL = /([A-Za-z_.$][\w.$]*):/y;

interface Statement extends Parsed {
  readonly slot: number;
  readonly line: Line;
}

function resolveTarget({ insn, target, slot, line }: Statement, labels: Map<string, number>) {
  if (target === undefined) return insn;
  const to = labels.get(target.label);
  if (to === undefined) return line.fail('label', `no label ${target.label}`, target.column);
  const distance = to - slot - 1;
  if (target.field === 'off' && distance !== (distance << 16) >> 16)
    return line.fail('range', `${target.label} is out of the reach of 16 bits`, target.column);
  return { ...insn, [target.field]: distance };
}

function parseStatement(line: Line, names: AssemblyNames): Parsed {
  const prefix = line.eat(/\(([0-9a-f]{2})\)/y);
  const opcode = prefix?.[1] === undefined ? undefined : parseInt(prefix[1], 16);
  const column = line.column();
  const parsed = parseBody(line, opcode, names);
  if (!line.atEnd()) line.fail('syntax', 'unexpected text after the instruction', line.column());
  if (opcode !== undefined && parsed.insn.opcode !== opcode)
    line.fail('opcode', `this instruction has opcode ${hex2(parsed.insn.opcode)}`, column);
  return parsed;
}

function parseBody(line: Line, opcode: number | undefined, names: AssemblyNames): Parsed {
  const word = line.eat(/(?:exit|gotol|goto|may_goto|call|if|lock|store_release)\b/y)?.[0] ?? '';
  switch (word) {
    case 'exit':
      return { insn: fields(CLASS.JMP | JMP.EXIT) };
    case 'goto':
      return parseJump(line, fields(CLASS.JMP | JMP.JA), 'off');
    case 'gotol':
      return parseJump(line, fields(CLASS.JMP32 | JMP.JA), 'imm');
    case 'may_goto':
      return parseJump(line, fields(CLASS.JMP | JMP.JCOND), 'off');
    case 'call':
      return parseCall(line, names);
    case 'if':
      return parseCondition(line);
    case 'lock':
      return { insn: parseLock(line) };
    case 'store_release':
      return { insn: parseStoreRelease(line) };
    default:
      return line.has('*') ? { insn: parseStore(line) } : parseAssignment(line, opcode);
  }
}

function parseCall(line: Line, names: AssemblyNames): Parsed {
  const insn = fields(CLASS.JMP | JMP.CALL);
  if (line.sees(/pc[+-]\d/y)) return parseJump(line, { ...insn, src: CALL.LOCAL }, 'imm');
  const column = line.column();
  const name = line.eat(/[A-Za-z_.$][\w.$-]*/y)?.[0];
  const known = name === undefined ? undefined : names.kfunc?.(name);
  const src = known !== undefined || name === 'kernel-function' ? CALL.KFUNC : CALL.HELPER;
  if (line.has('#')) return { insn: { ...insn, src, imm: int32(line, number(line)) } };
  if (name === undefined) return line.fail('syntax', 'expected what to call', column);
  const imm = known ?? names.helper?.(name);
  if (imm !== undefined) return { insn: { ...insn, src, imm } };
  return { insn: { ...insn, src: CALL.LOCAL }, target: { label: name, column, field: 'imm' } };
}

function parseCondition(line: Line): Parsed {
  const left = register(line);
  const sign = line.eat(/(?:s>=|s<=|s>|s<|==|!=|>=|<=|>|<|&)/y)?.[0];
  if (sign === undefined) return line.fail('syntax', 'expected a comparison', line.column());
  const opcode = (left.wide ? CLASS.JMP : CLASS.JMP32) | (JUMP_SIGNS.indexOf(sign) << 4);
  const right = operand(line, left.wide);
  const insn = fields(opcode | right.source, { dst: left.index, src: right.src });
  // The kernel prints the immediate of a jump without its sign.
  if (right.source === SOURCE.K) insn.imm = word32(line, right.value);
  line.need('goto');
  return parseJump(line, insn, 'off');
}

function parseStore(line: Line): Mutable {
  const { size, base, off } = unsignedPlace(line);
  line.need('=');
  const value = operand(line, true);
  return value.source === SOURCE.X
    ? fields(CLASS.STX | MODE.MEM | size, { dst: base, off, src: value.src })
    : fields(CLASS.ST | MODE.MEM | size, { dst: base, off, imm: word32(line, value.value) });
}

function parseLock(line: Line): Mutable {
  line.need('*');
  const { size, base, off } = atomicPlace(line);
  const sign = line.eat(/[+|&^]=/y)?.[0];
  if (sign === undefined) return line.fail('syntax', 'expected +=, |=, &= or ^=', line.column());
  return atomic(size, {
    dst: base,
    off,
    src: wideRegister(line),
    imm: ALU_SIGNS.indexOf(sign) << 4,
  });
}

function parseStoreRelease(line: Line): Mutable {
  line.need('(');
  const { size, base, off } = unsignedPlace(line);
  line.need(',');
  const src = wideRegister(line);
  line.need(')');
  return atomic(size, { dst: base, off, src, imm: ATOMIC.STORE_REL });
}

const hex2 = (n: number): string => n.toString(16).padStart(2, '0');
