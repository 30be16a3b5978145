import { BTF_INT_BOOL, BTF_INT_CHAR, BTF_INT_SIGNED, LINKAGES } from './decode.ts';
import { BTF_MAGIC, BTF_VERSION, HEADER_SIZE, readSections } from './raw.ts';
import { BTF_KINDS, type Btf, type BtfComposite, type BtfType, type TypeId } from './types.ts';

type WithoutId<T> = T extends BtfType ? Omit<T, 'id'> : never;
/** A type record; its id follows from where it is added. */
export type NewBtfType = WithoutId<Exclude<BtfType, { kind: 'void' }>>;

export interface BtfBuilder {
  /** The id that the next type added will get; types may refer to types added later. */
  readonly nextId: TypeId;
  /** @throws {RangeError} for what the format has no room for. */
  add(type: NewBtfType): TypeId;
  /** The whole BTF object, little-endian, as `BPF_BTF_LOAD` takes it. */
  bytes(): Uint8Array<ArrayBuffer>;
}

const MAX_VLEN = 0xffff;

const u32 = (value: number, what: string): number => {
  if (Number.isInteger(value) && value >= 0 && value <= 0xffffffff) return value;
  throw new RangeError(`${what} ${value} is not a 32-bit number`);
};

/** Adds strings at most once each. The empty one has offset 0. */
const createStringTable = (first: number) => {
  const offsets = new Map<string, number>([['', 0]]);
  const parts: Uint8Array[] = first === 0 ? [new Uint8Array(1)] : [];
  let length = first === 0 ? 1 : 0;
  return {
    add: (text: string): number => {
      const known = offsets.get(text);
      if (known !== undefined) return known;
      if (text.includes('\0')) throw new RangeError(`the name ${JSON.stringify(text)} holds a NUL`);
      const offset = first + length;
      const part = new TextEncoder().encode(`${text}\0`);
      parts.push(part);
      length += part.length;
      offsets.set(text, offset);
      return offset;
    },
    length: () => length,
    copyTo: (target: Uint8Array, start: number): void => {
      let at = start;
      for (const part of parts) {
        target.set(part, at);
        at += part.length;
      }
    },
  };
};

const hasBitfields = (type: Pick<BtfComposite, 'members'>): boolean =>
  type.members.some((m) => m.bitSize !== 0);

/** What the words after `info` are, and what goes into `info` besides the kind. */
interface Body {
  readonly vlen?: number;
  readonly flag?: boolean;
  readonly words: readonly number[];
}

const compositeBody = (
  type: Pick<BtfComposite, 'members' | 'size'>,
  text: (s: string) => number,
): Body => {
  const flag = hasBitfields(type);
  const words = type.members.flatMap(({ name, type, bitOffset, bitSize }) => {
    if (flag && (bitOffset > 0xffffff || bitSize > 0xff))
      throw new RangeError(`member ${name}: bit ${bitOffset}, ${bitSize} wide, next to bitfields`);
    return [text(name), type, flag ? ((bitSize << 24) | bitOffset) >>> 0 : bitOffset];
  });
  return { flag, vlen: type.members.length, words: [type.size, ...words] };
};

const bodyOf = (type: NewBtfType, text: (s: string) => number): Body => {
  switch (type.kind) {
    case 'int': {
      const encoding =
        (type.signed ? BTF_INT_SIGNED : 0) |
        (type.char ? BTF_INT_CHAR : 0) |
        (type.bool ? BTF_INT_BOOL : 0);
      return { words: [type.size, (encoding << 24) | (type.bitOffset << 16) | type.bits] };
    }
    case 'ptr':
    case 'typedef':
    case 'volatile':
    case 'const':
    case 'restrict':
      return { words: [type.type] };
    case 'type_tag':
      return { words: [type.type], flag: type.attribute };
    case 'array':
      return { words: [0, type.element, type.index, type.length] };
    case 'struct':
    case 'union':
      return compositeBody(type, text);
    case 'enum':
    case 'enum64': {
      const words = type.values.flatMap(({ name, value }) => {
        const low = Number(BigInt.asUintN(32, value));
        const high = Number(BigInt.asUintN(32, value >> 32n));
        return type.kind === 'enum' ? [text(name), low] : [text(name), low, high];
      });
      return { flag: type.signed, vlen: type.values.length, words: [type.size, ...words] };
    }
    case 'fwd':
      return { flag: type.of === 'union', words: [0] };
    case 'func':
      return { vlen: LINKAGES.indexOf(type.linkage), words: [type.type] };
    case 'func_proto': {
      const words = type.params.flatMap((param) => [text(param.name), param.type]);
      return { vlen: type.params.length, words: [type.returns, ...words] };
    }
    case 'var':
      return { words: [type.type, LINKAGES.indexOf(type.linkage)] };
    case 'datasec': {
      const words = type.vars.flatMap((v) => [v.type, v.offset, v.size]);
      return { vlen: type.vars.length, words: [type.size, ...words] };
    }
    case 'float':
      return { words: [type.size] };
    case 'decl_tag':
      return { words: [type.type, type.component >>> 0], flag: type.attribute };
    default:
      return type satisfies never;
  }
};

/** The number of string offsets that a BTF object and its bases use up. */
const stringEnd = (btf: Btf | undefined): number =>
  btf === undefined ? 0 : stringEnd(btf.base) + readSections(btf.bytes, btf.file).stringLength;

/** Starts an empty BTF object, or one that continues the ids and strings of `base`. */
export const createBtfBuilder = (base?: Btf): BtfBuilder => {
  const words: number[] = [];
  const strings = createStringTable(stringEnd(base));
  let nextId = base?.typeCount ?? 1;

  return {
    get nextId() {
      return nextId;
    },
    add: (type) => {
      const name = strings.add(type.name);
      const { vlen = 0, flag = false, words: body } = bodyOf(type, strings.add);
      if (vlen > MAX_VLEN) throw new RangeError(`${type.kind} ${type.name} has ${vlen} entries`);
      const info = ((flag ? 0x80000000 : 0) | (BTF_KINDS.indexOf(type.kind) << 24) | vlen) >>> 0;
      words.push(name, info);
      for (const word of body) words.push(u32(word, `${type.kind} ${type.name}:`));
      return nextId++;
    },
    bytes: () => {
      const typeLength = words.length * 4;
      const bytes = new Uint8Array(HEADER_SIZE + typeLength + strings.length());
      const view = new DataView(bytes.buffer);
      view.setUint16(0, BTF_MAGIC, true);
      view.setUint8(2, BTF_VERSION);
      const header = [HEADER_SIZE, 0, typeLength, typeLength, strings.length()];
      header.forEach((word, i) => view.setUint32(4 + i * 4, word, true));
      // Like the reader this takes the machine for little-endian, as all that run JavaScript engines now are.
      new Uint32Array(bytes.buffer, HEADER_SIZE, words.length).set(words);
      strings.copyTo(bytes, HEADER_SIZE + typeLength);
      return bytes;
    },
  };
};

/** Writes types in this order; the first gets id 1, or the first id after those of `base`. */
export const writeBtf = (types: Iterable<NewBtfType>, base?: Btf): Uint8Array<ArrayBuffer> => {
  const builder = createBtfBuilder(base);
  for (const type of types) builder.add(type);
  return builder.bytes();
};
