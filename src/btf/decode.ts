import { formatError, startOf, type RawBtf } from './raw.ts';
import { stringAt } from './strings.ts';
import {
  BTF_KINDS,
  type BtfInt,
  type BtfKind,
  type BtfType,
  type EnumValue,
  type Member,
  type Param,
  type SectionVar,
  type TypeId,
} from './types.ts';

export const BTF_INT_SIGNED = 1;
export const BTF_INT_CHAR = 2;
export const BTF_INT_BOOL = 4;
export const LINKAGES = ['static', 'global', 'extern'] as const;

export const VOID: BtfType = { id: 0, kind: 'void', name: '' };

export const kindOf = (raw: RawBtf, id: TypeId): BtfKind => {
  startOf(raw, id);
  return BTF_KINDS[raw.kinds[id - raw.firstId] ?? 0] ?? 'void';
};

export const nameOf = (raw: RawBtf, id: TypeId): string =>
  stringAt(raw, raw.words[startOf(raw, id)] ?? 0);

/** One record on its way to a type. Offsets into it count words. */
interface TypeRecord {
  readonly raw: RawBtf;
  readonly id: TypeId;
  readonly start: number;
  readonly name: string;
  readonly vlen: number;
  readonly flag: boolean;
}

const word = ({ raw, start }: TypeRecord, index: number): number => raw.words[start + index] ?? 0;

const fail = ({ raw, id, start }: TypeRecord, index: number, rule: string): never => {
  throw formatError(raw.file, raw.typeStart + (start + index) * 4, `type ${id}: ${rule}`);
};

const text = (r: TypeRecord, index: number): string => {
  const offset = word(r, index);
  return offset < r.raw.baseStrings.length + r.raw.strings.length
    ? stringAt(r.raw, offset)
    : fail(r, index, `string offset ${offset} is out of range`);
};

const ref = (r: TypeRecord, index: number): TypeId => {
  const to = word(r, index);
  return to < r.raw.typeCount ? to : fail(r, index, `refers to type ${to} of ${r.raw.typeCount}`);
};

const recordAt = (raw: RawBtf, id: TypeId): TypeRecord => {
  const start = startOf(raw, id);
  const info = raw.words[start + 1] ?? 0;
  const name = stringAt(raw, raw.words[start] ?? 0);
  return { raw, id, start, name, vlen: info & 0xffff, flag: info >>> 31 === 1 };
};

/** The `vlen` entries of some words each that follow the three words of each record. */
const entries = <T>(r: TypeRecord, words: number, read: (r: TypeRecord, at: number) => T): T[] => {
  const list: T[] = [];
  for (let i = 0; i < r.vlen; i++) list.push(read(r, 3 + i * words));
  return list;
};

const decodeInt = (r: TypeRecord): BtfInt => {
  const encoding = word(r, 3);
  return {
    id: r.id,
    kind: 'int',
    name: r.name,
    size: word(r, 2),
    bits: encoding & 0xff,
    bitOffset: (encoding >>> 16) & 0xff,
    signed: ((encoding >>> 24) & BTF_INT_SIGNED) !== 0,
    char: ((encoding >>> 24) & BTF_INT_CHAR) !== 0,
    bool: ((encoding >>> 24) & BTF_INT_BOOL) !== 0,
  };
};

const readMember = (r: TypeRecord, at: number): Member => {
  const place = word(r, at + 2);
  return {
    name: text(r, at),
    type: ref(r, at + 1),
    bitOffset: r.flag ? place & 0xffffff : place,
    bitSize: r.flag ? place >>> 24 : 0,
  };
};

const readEnumValue = (r: TypeRecord, at: number): EnumValue => {
  const value = word(r, at + 1);
  return { name: text(r, at), value: BigInt(r.flag ? value | 0 : value) };
};

const readEnum64Value = (r: TypeRecord, at: number): EnumValue => {
  const bits = (BigInt(word(r, at + 2)) << 32n) | BigInt(word(r, at + 1));
  return { name: text(r, at), value: r.flag ? BigInt.asIntN(64, bits) : bits };
};

const readParam = (r: TypeRecord, at: number): Param => ({
  name: text(r, at),
  type: ref(r, at + 1),
});

const readSectionVar = (r: TypeRecord, at: number): SectionVar => ({
  type: ref(r, at),
  offset: word(r, at + 1),
  size: word(r, at + 2),
});

const linkage = (r: TypeRecord, index: number, value: number): (typeof LINKAGES)[number] =>
  LINKAGES[value] ?? fail(r, index, `unknown linkage ${value}`);

/** Decodes one own type. @throws {FormatError} for references or strings out of range. */
export const decodeType = (raw: RawBtf, id: TypeId): BtfType => {
  const r = recordAt(raw, id);
  const { name, vlen } = r;
  const kind = kindOf(raw, id);
  switch (kind) {
    case 'void':
      return fail(r, 1, 'unknown kind');
    case 'int':
      return decodeInt(r);
    case 'ptr':
    case 'typedef':
    case 'volatile':
    case 'const':
    case 'restrict':
      return { id, kind, name, type: ref(r, 2) };
    case 'type_tag':
      return { id, kind, name, type: ref(r, 2), attribute: r.flag };
    case 'array':
      return { id, kind, name, element: ref(r, 3), index: ref(r, 4), length: word(r, 5) };
    case 'struct':
    case 'union':
      return { id, kind, name, size: word(r, 2), members: entries(r, 3, readMember) };
    case 'enum': {
      const values = entries(r, 2, readEnumValue);
      return { id, kind, name, size: word(r, 2), signed: r.flag, values };
    }
    case 'enum64': {
      const values = entries(r, 3, readEnum64Value);
      return { id, kind, name, size: word(r, 2), signed: r.flag, values };
    }
    case 'fwd':
      return { id, kind, name, of: r.flag ? 'union' : 'struct' };
    case 'func':
      return { id, kind, name, type: ref(r, 2), linkage: linkage(r, 1, vlen) };
    case 'func_proto':
      return { id, kind, name, returns: ref(r, 2), params: entries(r, 2, readParam) };
    case 'var':
      return { id, kind, name, type: ref(r, 2), linkage: linkage(r, 3, word(r, 3)) };
    case 'datasec':
      return { id, kind, name, size: word(r, 2), vars: entries(r, 3, readSectionVar) };
    case 'float':
      return { id, kind, name, size: word(r, 2) };
    case 'decl_tag':
      return { id, kind, name, type: ref(r, 2), component: word(r, 3) | 0, attribute: r.flag };
    default:
      return kind satisfies never;
  }
};
