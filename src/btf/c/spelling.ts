import { formatError } from '../raw.ts';
import type { Btf, BtfEnum, BtfInt } from '../types.ts';

/** Sizes in bytes of C's integer types, by their shortest names, on 64-bit Linux and the BPF target. */
const INT_SIZES: Readonly<Record<string, number>> = {
  _Bool: 1,
  char: 1,
  'signed char': 1,
  'unsigned char': 1,
  short: 2,
  'unsigned short': 2,
  int: 4,
  'unsigned int': 4,
  long: 8,
  'unsigned long': 8,
  'long long': 8,
  'unsigned long long': 8,
  __int128: 16,
  'unsigned __int128': 16,
};

/** `long unsigned int`, which GCC says, is C's `unsigned long`. */
const shortestName = (name: string): string => {
  const words = name.split(' ');
  const has = (word: string): boolean => words.includes(word);
  const longs = words.filter((w) => w === 'long');
  const width = words.filter((w) => w === 'short' || w === 'char' || w === '__int128');
  const rest = words.filter((w) => !/^(long|short|char|__int128|int|signed|unsigned)$/.test(w));
  const base = [...longs, ...width, ...rest].join(' ') || 'int';
  if (has('unsigned')) return `unsigned ${base}`;
  return has('signed') && base === 'char' ? 'signed char' : base;
};

const INTS_BY_SIZE = new Map([
  [1, 'signed char'],
  [2, 'short'],
  [4, 'int'],
  [8, 'long'],
  [16, '__int128'],
]);

/**
 * The C integer type of a size in bytes.
 * @throws {FormatError} for a size that no C type has.
 */
export const intOfSize = (btf: Btf, { id, size, signed }: BtfInt | BtfEnum): string => {
  const name = INTS_BY_SIZE.get(size);
  if (name === undefined)
    throw formatError(
      btf.file,
      0,
      `type ${id} is an integer of ${size} bytes, which C does not have`,
    );
  return signed ? name : `unsigned ${name.replace('signed ', '')}`;
};

/**
 * How C spells an integer type: its own name if C has such a type of this size, else that of one of the same size
 * and sign. Names of other languages (`usize`) and of compilers' own types (`ssizetype`) come to the latter.
 */
export const spellInt = (btf: Btf, type: BtfInt, shortest: boolean): string => {
  const short = shortestName(type.name);
  if (INT_SIZES[short] === type.size) return shortest ? short : type.name;
  return type.bool && type.size === 1 ? '_Bool' : intOfSize(btf, type);
};
