import { formatError } from '../raw.ts';
import type { Btf, BtfComposite, BtfEnum, TypeId } from '../types.ts';
import { createDeclare, type BaseType } from './declare.ts';
import { layoutOf } from './layout.ts';
import type { CNames } from './names.ts';
import { intOfSize, spellInt } from './spelling.ts';

/** Anonymous structs nest in each other at most so deep; the kernel has less than ten levels. */
const MAX_NESTING = 32;
/** Up to here holes are unnamed bitfields of a long each, beyond it one array. */
const MAX_BITFIELD_GAP = 8 * 64;
const PAD_TYPES: readonly (readonly [string, number])[] = [
  ['long', 64],
  ['int', 32],
  ['short', 16],
  ['char', 8],
];

/** Spells definitions for one C file. */
export interface Bodies {
  /** `struct foo { … }`, without the semicolon. */
  definition(type: BtfComposite | BtfEnum): string;
  typedef(id: TypeId): string;
  /** Whether an anonymous enum has been spelled as a part of something. */
  isSpelled(id: TypeId): boolean;
}

/** Unnamed bitfields that fill a hole in a struct exactly: none of them crosses a boundary of its type. */
const gapLines = (gap: number, at: number): string[] => {
  const lines: string[] = [];
  let place = at;
  const end = at + gap;
  while (place < end) {
    const whole = PAD_TYPES.find(([, size]) => place % size === 0 && place + size <= end);
    const width = whole?.[1] ?? Math.min(end, Math.floor(place / 8) * 8 + 8) - place;
    lines.push(`${whole?.[0] ?? 'char'}: ${width};`);
    place += width;
  }
  return lines;
};

/** `: 0` starts the next unit of its type; it says what several bitfields would. */
const gapMembers = (gap: number, at: number, packed: boolean): string[] => {
  const lines = gapLines(gap, at);
  if (lines.length === 1 || packed) return lines;
  const unit = PAD_TYPES.find(([, size]) => Math.ceil(at / size) * size === at + gap);
  return unit === undefined ? lines : [`${unit[0]}: 0;`];
};

const enumMode = (type: BtfEnum): string => {
  const low = type.values.reduce((least, { value }) => (value < least ? value : least), 0n);
  const high = type.values.reduce((most, { value }) => (value > most ? value : most), 0n);
  const isInt = high < (low < 0n ? 1n << 31n : 1n << 32n) && low >= -(1n << 31n);
  if (type.size === (isInt ? 4 : 8)) return '';
  const modes = new Map([
    [1, 'QI'],
    [2, 'HI'],
    [4, 'SI'],
    [8, 'DI'],
  ]);
  return ` __attribute__((mode(${modes.get(type.size)})))`;
};

const enumValue = (value: bigint, { kind, signed }: BtfEnum): string =>
  kind === 'enum' ? `${value}` : `${value}${signed ? 'LL' : 'ULL'}`;

/** @throws {FormatError} from its functions, for types that C cannot lay out so, and for endless ones. */
export const createBodies = (btf: Btf, names: CNames): Bodies => {
  const limit = (1 << 20) + 64 * (btf.bytes.length + (btf.base?.bytes.length ?? 0));
  const spelled = new Set<TypeId>();
  let written = 0;
  let level = 0;
  let pads = 0;

  const line = (text: string): string => {
    written += text.length;
    if (written > limit || level > MAX_NESTING)
      throw formatError(btf.file, 0, 'anonymous types hold each other without end');
    return `${'\t'.repeat(level)}${text}\n`;
  };

  const gapText = (gap: number, at: number, union: boolean, packed: boolean): string =>
    union || gap > MAX_BITFIELD_GAP
      ? line(`unsigned char ___pad${pads++}[${Math.ceil(gap / 8)}];`)
      : gapMembers(gap, at, packed).map(line).join('');

  const composite = (type: BtfComposite, head: string): string => {
    const { packed, parts } = layoutOf(btf, type);
    let text = `${head} {\n`;
    level++;
    for (const part of parts) {
      if ('gap' in part) {
        text += gapText(part.gap, part.at, type.kind === 'union', packed);
        continue;
      }
      const { name, type: id, bitSize } = part.member;
      const bits = bitSize === 0 ? '' : `: ${bitSize}`;
      text += line(`${declare(id, names.member(name))}${bits};`);
    }
    level--;
    return `${text}${'\t'.repeat(level)}}${packed ? ' __attribute__((packed))' : ''}`;
  };

  const enumeration = (type: BtfEnum, head: string): string => {
    if (type.values.length === 0) return `${head} : ${intOfSize(btf, type)}`;
    level++;
    const values = type.values.map(({ value }, i) =>
      line(`${names.enumerator(type.id, i)} = ${enumValue(value, type)},`),
    );
    level--;
    return `${head} {\n${values.join('')}${'\t'.repeat(level)}}${enumMode(type)}`;
  };

  /** C has one definition for the names of an anonymous enum: where it comes again, it is an integer. */
  const anonymousEnum = (type: BtfEnum): string => {
    if (spelled.has(type.id) || type.values.length === 0) return intOfSize(btf, type);
    spelled.add(type.id);
    return enumeration(type, 'enum');
  };

  const base = (type: BaseType): string => {
    switch (type.kind) {
      case 'void':
        return 'void';
      case 'int':
        return spellInt(btf, type, false);
      case 'float':
        return type.name;
      case 'typedef':
        return names.typedef(type.id);
      case 'fwd':
        return names.tag(type.id) ?? type.of;
      case 'struct':
      case 'union':
        return names.tag(type.id) ?? composite(type, type.kind);
      case 'enum':
      case 'enum64':
        return names.tag(type.id) ?? anonymousEnum(type);
      default:
        return type satisfies never;
    }
  };
  const declare = createDeclare(btf, base);

  return {
    definition: (type) => {
      pads = 0;
      if ('members' in type) return composite(type, names.tag(type.id) ?? type.kind);
      spelled.add(type.id);
      return enumeration(type, names.tag(type.id) ?? 'enum');
    },
    typedef: (id) => {
      pads = 0;
      const type = btf.type(id);
      return `typedef ${declare(type.kind === 'typedef' ? type.type : 0, names.typedef(id))}`;
    },
    isSpelled: (id) => spelled.has(id),
  };
};
