import { formatError, startOf, type RawBtf } from './raw.ts';
import { stringAt } from './strings.ts';
import {
  BTF_KINDS,
  type BtfComposite,
  type BtfEnum,
  type BtfInt,
  type BtfKind,
  type BtfType,
  type EnumValue,
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

/** The words of one record, each read checked. */
interface RecordReader {
  readonly id: TypeId;
  readonly name: string;
  readonly vlen: number;
  readonly flag: boolean;
  word(index: number): number;
  text(index: number): string;
  ref(index: number): TypeId;
  fail(index: number, rule: string): never;
}

const recordAt = (raw: RawBtf, id: TypeId): RecordReader => {
  const start = startOf(raw, id);
  const word = (index: number): number => raw.words[start + index] ?? 0;
  const fail = (index: number, rule: string): never => {
    throw formatError(raw.file, raw.typeStart + (start + index) * 4, `type ${id}: ${rule}`);
  };
  const info = word(1);
  return {
    id,
    name: stringAt(raw, word(0)),
    vlen: info & 0xffff,
    flag: info >>> 31 === 1,
    word,
    fail,
    text: (index) => {
      const offset = word(index);
      if (offset >= raw.baseStrings.length + raw.strings.length)
        fail(index, `string offset ${offset} is out of range`);
      return stringAt(raw, offset);
    },
    ref: (index) => {
      const to = word(index);
      if (to >= raw.typeCount) fail(index, `refers to type ${to} of ${raw.typeCount}`);
      return to;
    },
  };
};

/** `count` entries of `words` words each, from word `first` on. */
const entries = <T>(
  count: number,
  first: number,
  words: number,
  read: (at: number) => T,
): readonly T[] => Array.from({ length: count }, (_, i) => read(first + i * words));

const decodeInt = (r: RecordReader): BtfInt => {
  const encoding = r.word(3);
  return {
    id: r.id,
    kind: 'int',
    name: r.name,
    size: r.word(2),
    bits: encoding & 0xff,
    bitOffset: (encoding >>> 16) & 0xff,
    signed: ((encoding >>> 24) & BTF_INT_SIGNED) !== 0,
    char: ((encoding >>> 24) & BTF_INT_CHAR) !== 0,
    bool: ((encoding >>> 24) & BTF_INT_BOOL) !== 0,
  };
};

const decodeComposite = (r: RecordReader, kind: 'struct' | 'union'): BtfComposite => ({
  id: r.id,
  kind,
  name: r.name,
  size: r.word(2),
  members: entries(r.vlen, 3, 3, (at) => {
    const place = r.word(at + 2);
    return {
      name: r.text(at),
      type: r.ref(at + 1),
      bitOffset: r.flag ? place & 0xffffff : place,
      bitSize: r.flag ? place >>> 24 : 0,
    };
  }),
});

const decodeEnum = (r: RecordReader, kind: 'enum' | 'enum64'): BtfEnum => {
  const value = (at: number): EnumValue => {
    const low = r.word(at + 1);
    if (kind === 'enum') return { name: r.text(at), value: BigInt(r.flag ? low | 0 : low) };
    const bits = (BigInt(r.word(at + 2)) << 32n) | BigInt(low);
    return { name: r.text(at), value: r.flag ? BigInt.asIntN(64, bits) : bits };
  };
  const values = entries(r.vlen, 3, kind === 'enum' ? 2 : 3, value);
  return { id: r.id, kind, name: r.name, size: r.word(2), signed: r.flag, values };
};

const linkage = (r: RecordReader, index: number, value: number): (typeof LINKAGES)[number] =>
  LINKAGES[value] ?? r.fail(index, `unknown linkage ${value}`);

/** Decodes one own type. @throws {FormatError} for references or strings out of range. */
export const decodeType = (raw: RawBtf, id: TypeId): BtfType => {
  const r = recordAt(raw, id);
  const { name, vlen } = r;
  const kind = kindOf(raw, id);
  switch (kind) {
    case 'void':
      return r.fail(1, 'unknown kind');
    case 'int':
      return decodeInt(r);
    case 'ptr':
    case 'typedef':
    case 'volatile':
    case 'const':
    case 'restrict':
      return { id, kind, name, type: r.ref(2) };
    case 'type_tag':
      return { id, kind, name, type: r.ref(2), attribute: r.flag };
    case 'array':
      return { id, kind, name, element: r.ref(3), index: r.ref(4), length: r.word(5) };
    case 'struct':
    case 'union':
      return decodeComposite(r, kind);
    case 'enum':
    case 'enum64':
      return decodeEnum(r, kind);
    case 'fwd':
      return { id, kind, name, of: r.flag ? 'union' : 'struct' };
    case 'func':
      return { id, kind, name, type: r.ref(2), linkage: linkage(r, 1, vlen) };
    case 'func_proto': {
      const params = entries(vlen, 3, 2, (at) => ({ name: r.text(at), type: r.ref(at + 1) }));
      return { id, kind, name, returns: r.ref(2), params };
    }
    case 'var':
      return { id, kind, name, type: r.ref(2), linkage: linkage(r, 3, r.word(3)) };
    case 'datasec': {
      const vars = entries(vlen, 3, 3, (at) => ({
        type: r.ref(at),
        offset: r.word(at + 1),
        size: r.word(at + 2),
      }));
      return { id, kind, name, size: r.word(2), vars };
    }
    case 'float':
      return { id, kind, name, size: r.word(2) };
    case 'decl_tag':
      return { id, kind, name, type: r.ref(2), component: r.word(3) | 0, attribute: r.flag };
    default:
      return kind satisfies never;
  }
};
