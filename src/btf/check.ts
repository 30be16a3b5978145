import { FormatError } from '../abi/format-error.ts';
import { findReferenceProblems } from './check-references.ts';
import {
  isIdentifier,
  isOptionalIdentifier,
  isSectionName,
  recordWord,
  type BtfProblem,
} from './check-names.ts';
import { openRaw, startOf, type RawBtf } from './raw.ts';
import { stringAt } from './strings.ts';
import type {
  Btf,
  BtfComposite,
  BtfDatasec,
  BtfEnum,
  BtfInt,
  BtfKind,
  BtfType,
  TypeId,
} from './types.ts';

/** What a kind may have in the header that all types share. */
interface HeaderRule {
  readonly vlen: boolean;
  readonly flag: boolean;
  readonly name: 'none' | 'any' | 'some' | 'identifier' | 'identifier or none' | 'section';
}

const bare: HeaderRule = { vlen: false, flag: false, name: 'none' };
const listed: HeaderRule = { vlen: true, flag: true, name: 'identifier or none' };
const HEADER_RULES: Readonly<Record<Exclude<BtfKind, 'void'>, HeaderRule>> = {
  int: { ...bare, name: 'any' },
  ptr: bare,
  array: bare,
  struct: listed,
  union: listed,
  enum: listed,
  fwd: { vlen: false, flag: true, name: 'identifier' },
  typedef: { ...bare, name: 'identifier' },
  volatile: bare,
  const: bare,
  restrict: bare,
  func: { vlen: true, flag: false, name: 'identifier' },
  func_proto: { ...bare, vlen: true },
  var: { ...bare, name: 'identifier' },
  datasec: { vlen: true, flag: false, name: 'section' },
  float: { ...bare, name: 'any' },
  decl_tag: { vlen: false, flag: true, name: 'some' },
  type_tag: { vlen: false, flag: true, name: 'some' },
  enum64: listed,
};

const isNameAllowed = (raw: RawBtf, offset: number, rule: HeaderRule['name']): boolean => {
  switch (rule) {
    case 'any':
      return true;
    case 'none':
      return offset === 0;
    case 'some':
      return stringAt(raw, offset) !== '';
    case 'identifier':
      return isIdentifier(raw, offset);
    case 'identifier or none':
      return isOptionalIdentifier(raw, offset);
    case 'section':
      return isSectionName(raw, offset);
    default:
      return rule satisfies never;
  }
};

const checkInt = (type: BtfInt, data: number): string[] => {
  const bits = type.bits + type.bitOffset;
  const encoding = (data >>> 24) & 0xf;
  if ((data & ~0x0fffffff) !== 0) return [`Invalid int_data:${data.toString(16)}`];
  if (bits > 128) return ['nr_bits exceeds 128'];
  if (Math.ceil(bits / 8) > type.size) return ['nr_bits exceeds type_size'];
  return [0, 1, 2, 4].includes(encoding) ? [] : ['Unsupported encoding'];
};

type EntryProblem = Omit<BtfProblem, 'id'>;

const checkComposite = (raw: RawBtf, type: BtfComposite): EntryProblem[] => {
  const { id, kind, size, members } = type;
  const problems: EntryProblem[] = [];
  let last = 0;
  members.forEach(({ type, bitOffset }, entry) => {
    const add = (rule: string) => problems.push({ entry, rule });
    if (!isOptionalIdentifier(raw, recordWord(raw, id, 3 + entry * 3))) add('Invalid name');
    if (type === 0) add('Invalid type_id');
    if ((kind === 'union' && bitOffset !== 0) || last > bitOffset)
      add('Invalid member bits_offset');
    if (Math.ceil(bitOffset / 8) > size) add('Member bits_offset exceeds its struct size');
    last = bitOffset;
  });
  return problems;
};

const checkDatasec = ({ size, vars }: BtfDatasec): EntryProblem[] => {
  const problems: EntryProblem[] = size === 0 ? [{ rule: 'size == 0' }] : [];
  let end = 0;
  vars.forEach((v, entry) => {
    const add = (rule: string) => problems.push({ entry, rule });
    if (v.type === 0) add('Invalid type_id');
    if (v.offset < end || v.offset >= size) add('Invalid offset');
    if (v.size === 0 || v.size > size) add('Invalid size');
    end = v.offset + v.size;
    if (end > size) add('Invalid offset+size');
  });
  return problems;
};

const plain = (...rules: readonly string[]): EntryProblem[] => rules.map((rule) => ({ rule }));

const checkEnum = (raw: RawBtf, { id, kind, size, values }: BtfEnum): EntryProblem[] => {
  const words = kind === 'enum' ? 2 : 3;
  const names = values.flatMap((_, entry) =>
    isIdentifier(raw, recordWord(raw, id, 3 + entry * words))
      ? []
      : [{ entry, rule: 'Invalid name' }],
  );
  return [1, 2, 4, 8].includes(size) ? names : [...plain('Unexpected size'), ...names];
};

/** Rules on one record by itself (`btf_*_check_meta`). */
const checkRecord = (raw: RawBtf, type: BtfType): EntryProblem[] => {
  const word = (index: number): number => raw.words[startOf(raw, type.id) + 2 + index] ?? 0;
  switch (type.kind) {
    case 'int':
      return plain(...checkInt(type, word(1)));
    case 'array':
      if (word(0) !== 0) return plain('size != 0');
      if (type.element === 0) return plain('Invalid elem');
      return type.index === 0 ? plain('Invalid index') : [];
    case 'struct':
    case 'union':
      return checkComposite(raw, type);
    case 'enum':
    case 'enum64':
      return checkEnum(raw, type);
    case 'fwd':
      return word(0) === 0 ? [] : plain('type != 0');
    case 'func':
      return type.linkage === 'extern' ? plain('Invalid func linkage') : [];
    case 'var':
      if (type.type === 0) return plain('Invalid type_id');
      return type.linkage === 'extern' ? plain('Linkage not supported') : [];
    case 'datasec':
      return checkDatasec(type);
    case 'float':
      return [2, 4, 8, 12, 16].includes(type.size) ? [] : plain('Invalid type_size');
    case 'decl_tag':
      return type.component < -1 ? plain('Invalid component_idx') : [];
    case 'void':
    case 'ptr':
    case 'typedef':
    case 'volatile':
    case 'const':
    case 'restrict':
    case 'type_tag':
    case 'func_proto':
      return [];
    default:
      return type satisfies never;
  }
};

const checkHeader = (raw: RawBtf, { id, kind }: BtfType): EntryProblem[] => {
  if (kind === 'void') return [];
  const rule = HEADER_RULES[kind];
  const info = raw.words[startOf(raw, id) + 1] ?? 0;
  const problems: EntryProblem[] = [];
  if (!rule.vlen && (info & 0xffff) !== 0) problems.push({ rule: 'vlen != 0' });
  if (!rule.flag && info >>> 31 === 1) problems.push({ rule: 'Invalid btf_info kind_flag' });
  if (!isNameAllowed(raw, recordWord(raw, id, 0), rule.name))
    problems.push({ rule: kind === 'decl_tag' ? 'Invalid value' : 'Invalid name' });
  return problems;
};

const checkType = (btf: Btf, raw: RawBtf, id: TypeId): EntryProblem[] => {
  try {
    const type = btf.type(id);
    return [...checkHeader(raw, type), ...checkRecord(raw, type)];
  } catch (error) {
    if (error instanceof FormatError) return [{ rule: error.rule }];
    throw error;
  }
};

/**
 * Checks all own types by the rules of the kernel's loader, `BPF_BTF_LOAD` (`btf_parse` in Linux 6.12). The kernel
 * stops at the first problem; here are all, those of single records first, in id order. References are followed
 * only when the records are sound.
 */
export const checkBtf = (btf: Btf): readonly BtfProblem[] => {
  const raw = openRaw(btf.bytes, btf.file, btf.base);
  if (raw.starts.length === 0 && btf.base === undefined) return [{ id: 0, rule: 'No type found' }];
  const problems: BtfProblem[] = [];
  for (let id = raw.firstId; id < raw.typeCount; id++)
    problems.push(...checkType(btf, raw, id).map((problem) => ({ id, ...problem })));
  return problems.length > 0 ? problems : findReferenceProblems(btf, raw);
};
