import type { Externs } from './externs.ts';
import { elfError, STT, type Elf, type ElfSection, type Relocation, type Symbols } from './elf.ts';
import { functionAt, type Func, type Functions } from './functions.ts';
import { KCONFIG_SECTION } from './data.ts';
import type { Reference } from './spec.ts';

const INSN_SIZE = 8;
const LD_IMM64 = 0x18;
const CALL = 0x85;
export const PSEUDO_CALL = 1;
export const PSEUDO_FUNC = 4;
const R_BPF_64_64 = 1;
const R_BPF_64_32 = 10;

/** What one instruction of a function needs from elsewhere. `insn` counts from the start of the function. */
export type Use =
  | { readonly insn: number; readonly kind: 'call' | 'address'; readonly func: Func }
  | {
      readonly insn: number;
      readonly kind: 'reference';
      readonly target: Exclude<Reference['target'], { kind: 'func' }>;
    };

export interface UseContext {
  readonly elf: Elf;
  readonly symbols: Symbols;
  readonly functions: Functions;
  readonly externs: Externs;
  /** Index of the `.maps` section and its maps by their offset in it. */
  readonly maps: { readonly section: number; readonly byOffset: ReadonlyMap<number, string> };
  /** Names of data sections by their index. */
  readonly data: ReadonlyMap<number, string>;
}

/** Relocations of one code section; `at` holds, for each instruction, the number of its relocation plus one, or 0. */
export interface CodeRelocations {
  readonly list: readonly Relocation[];
  readonly at: Uint32Array;
}

/** @throws {FormatError} for a relocation between instructions, or a second one of the same. */
export const indexRelocations = (
  elf: Elf,
  list: readonly Relocation[],
  target: ElfSection,
): CodeRelocations => {
  const at = new Uint32Array(target.size / INSN_SIZE);
  list.forEach(({ offset }, i) => {
    const fail = (rule: string): never => {
      throw elfError(elf.file, offset, rule, target.name);
    };
    const insn = offset / INSN_SIZE;
    if (!Number.isInteger(insn)) fail('a relocation that is not at an instruction');
    if (at[insn] !== 0) fail('two relocations of one instruction');
    at[insn] = i + 1;
  });
  return { list, at };
};

const symbolLabel = ({ elf, symbols }: UseContext, symbol: number): string => {
  const name = symbols.name(symbol);
  if (name !== '') return name;
  const section = elf.sections[symbols.sectionIndex(symbol)];
  return section === undefined ? `symbol ${symbol}` : `section ${section.name}`;
};

/** A call, the one instruction with a 32-bit relocation. */
const callUse = (
  context: UseContext,
  insn: number,
  symbol: number,
  imm: number,
  fail: (rule: string) => never,
): Use => {
  const { symbols, functions, externs } = context;
  const extern = externs.bySymbol.get(symbol);
  if (extern !== undefined) {
    if (extern.kind !== 'ksym' || !extern.isFunction)
      return fail(`a call of ${extern.name}, which is no function`);
    const { name, weak, typeId } = extern;
    return { insn, kind: 'reference', target: { kind: 'kfunc', name, weak, typeId } };
  }
  // Against a function's own symbol imm is -1, against its section's symbol its place in there less one.
  const place = symbols.value(symbol) / INSN_SIZE + imm + 1;
  const func = functionAt(functions, symbols.sectionIndex(symbol), place);
  if (func === undefined)
    return fail(`a call of ${symbolLabel(context, symbol)}, no function is there`);
  return { insn, kind: 'call', func };
};

const externUse = (context: UseContext, insn: number, symbol: number): Use | undefined => {
  const extern = context.externs.bySymbol.get(symbol);
  if (extern === undefined) return undefined;
  if (extern.kind === 'ksym') {
    const { name, weak, typeId } = extern;
    return { insn, kind: 'reference', target: { kind: 'ksym', name, weak, typeId } };
  }
  const place = context.externs.kconfig.find((v) => v.name === extern.name);
  const offset = place?.offset ?? 0;
  return { insn, kind: 'reference', target: { kind: 'map_value', map: KCONFIG_SECTION, offset } };
};

/** A 64-bit immediate: a map, a variable, an extern, or the address of a function. */
const addressUse = (
  context: UseContext,
  insn: number,
  symbol: number,
  imm: number,
  fail: (rule: string) => never,
): Use => {
  const extern = externUse(context, insn, symbol);
  if (extern !== undefined) return extern;
  const { symbols, functions, maps, data } = context;
  const section = symbols.sectionIndex(symbol);
  const value = symbols.value(symbol);
  if (functions.has(section)) {
    const func = functionAt(functions, section, (value + imm) / INSN_SIZE);
    return func === undefined
      ? fail(`the address of ${symbolLabel(context, symbol)} + ${imm}, no function starts there`)
      : { insn, kind: 'address', func };
  }
  if (section === maps.section) {
    const map = maps.byOffset.get(value + (symbols.type(symbol) === STT.SECTION ? imm : 0));
    return map === undefined
      ? fail(`a reference to ${symbolLabel(context, symbol)} + ${imm}, no map starts there`)
      : { insn, kind: 'reference', target: { kind: 'map', map } };
  }
  const map = data.get(section);
  if (map === undefined)
    return fail(
      `a reference to ${symbolLabel(context, symbol)}, which is in no section that loads`,
    );
  return {
    insn,
    kind: 'reference',
    target: { kind: 'map_value', map, offset: (value + imm) >>> 0 },
  };
};

const localCall = (
  context: UseContext,
  func: Func,
  at: number,
  imm: number,
  fail: (rule: string) => never,
): Use => {
  const callee = functionAt(context.functions, func.section.index, at + imm + 1);
  return callee === undefined
    ? fail(`a call of instruction ${at + imm + 1}, no function starts there`)
    : { insn: at - func.start, kind: 'call', func: callee };
};

/** What a call, a 64-bit immediate, or any instruction with a relocation needs. */
const useAt = (
  context: UseContext,
  func: Func,
  at: number,
  relocation: Relocation | undefined,
): Use | undefined => {
  const { elf } = context;
  const place = func.section.offset + at * INSN_SIZE;
  const opcode = elf.view.getUint8(place);
  const source = elf.view.getUint8(place + 1) >>> 4;
  const imm = elf.view.getInt32(place + 4, true);
  const insn = at - func.start;
  const fail = (rule: string): never => {
    throw elfError(elf.file, at * INSN_SIZE, `${func.name}: ${rule}`, func.section.name);
  };
  if (relocation === undefined) {
    if (opcode === CALL && source === PSEUDO_CALL) return localCall(context, func, at, imm, fail);
    if (opcode === LD_IMM64 && source === PSEUDO_FUNC)
      fail('the address of a function without its relocation');
    return undefined;
  }
  const { type, symbol } = relocation;
  if (opcode === CALL && type === R_BPF_64_32 && source === PSEUDO_CALL)
    return callUse(context, insn, symbol, imm, fail);
  if (opcode === LD_IMM64 && type === R_BPF_64_64)
    return addressUse(context, insn, symbol, imm, fail);
  return fail(
    `relocation type ${type} of an instruction with opcode 0x${opcode.toString(16)} ` +
      `(against ${symbolLabel(context, symbol)}) is not supported`,
  );
};

/**
 * Walks the instructions of a function, together with the relocations of its section.
 * @throws {FormatError} for a relocation of another kind than BPF has, or one that leads nowhere.
 */
export const findUses = (
  context: UseContext,
  func: Func,
  relocations: CodeRelocations,
): readonly Use[] => {
  const { elf } = context;
  const { section, start, end } = func;
  const uses: Use[] = [];
  for (let at = start; at < end; at++) {
    const opcode = elf.bytes[section.offset + at * INSN_SIZE];
    const number = relocations.at[at] ?? 0;
    if (number === 0 && opcode !== CALL && opcode !== LD_IMM64) continue;
    const use = useAt(context, func, at, relocations.list[number - 1]);
    if (use !== undefined) uses.push(use);
    if (opcode !== LD_IMM64) continue;
    at++;
    if (at < end && relocations.at[at] === 0) continue;
    const half = 'the second half of a 64-bit immediate';
    const rule = at < end ? `a relocation of ${half}` : `${half} is cut off`;
    throw elfError(elf.file, at * INSN_SIZE, `${func.name}: ${rule}`, section.name);
  }
  return uses;
};
