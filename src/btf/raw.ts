import { FormatError } from '../abi/format-error.ts';
import type { Btf, TypeId } from './types.ts';

export const BTF_MAGIC = 0xeb9f;
export const BTF_VERSION = 1;
/** `sizeof(struct btf_header)` up to Linux 6.18. A longer header is read like this one. */
export const HEADER_SIZE = 24;
/** Bits of `btf_type.info` that have a meaning: vlen, kind, kind_flag (`BTF_INFO_MASK`). */
const INFO_MASK = 0x9f00ffff;
const MAX_KIND = 19;

/** 32-bit words of a type record: those that each kind has, and those for each of its `vlen` entries. */
const FIXED_WORDS = new Uint8Array([3, 4, 3, 6, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4, 3, 3, 4, 3, 3]);
const ENTRY_WORDS = new Uint8Array([0, 0, 0, 0, 3, 3, 2, 0, 0, 0, 0, 0, 0, 2, 0, 3, 0, 0, 0, 3]);

/** Where the parts of a BTF object lie. Offsets are in bytes from its start. */
export interface Sections {
  readonly typeStart: number;
  readonly typeLength: number;
  readonly stringStart: number;
  readonly stringLength: number;
}

/** What one linear pass over the type headers tells; all the rest is read from here on demand. */
export interface RawBtf {
  readonly file: string;
  readonly base: Btf | undefined;
  readonly typeStart: number;
  /** The type section. */
  readonly words: Uint32Array;
  /** Index into `words` of each own type; the first has the id `firstId`. */
  readonly starts: Uint32Array;
  /** Kind number of each own type. */
  readonly kinds: Uint8Array;
  readonly firstId: TypeId;
  readonly typeCount: number;
  /** The strings of the bases, whose offsets come before those of the own `strings`. */
  readonly baseStrings: Uint8Array;
  readonly strings: Uint8Array;
}

export const formatError = (file: string, offset: number, rule: string): FormatError =>
  new FormatError({ file, format: 'BTF', offset, rule });

/** @throws {FormatError} for a header that names no two whole, separate sections, or a big-endian one. */
export const readSections = (bytes: Uint8Array, file: string): Sections => {
  const fail = (offset: number, rule: string): never => {
    throw formatError(file, offset, rule);
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 8)
    fail(0, `the header needs ${HEADER_SIZE} bytes, the file has ${bytes.length}`);
  const magic = view.getUint16(0, true);
  if (magic === 0x9feb) fail(0, 'big-endian BTF is not supported, only little-endian');
  if (magic !== BTF_MAGIC) fail(0, `the magic number is 0x${magic.toString(16)}, not 0xeb9f`);
  const version = view.getUint8(2);
  if (version !== BTF_VERSION) fail(2, `version ${version} is not supported, only 1`);
  const flags = view.getUint8(3);
  if (flags !== 0) fail(3, `flags 0x${flags.toString(16)} are not supported`);
  const headerLength = view.getUint32(4, true);
  if (headerLength < HEADER_SIZE || headerLength > bytes.length)
    fail(4, `a header of ${headerLength} bytes in a file of ${bytes.length}`);
  const section = (at: number): [start: number, length: number] => {
    const start = headerLength + view.getUint32(at, true);
    const length = view.getUint32(at + 4, true);
    if (start + length > bytes.length)
      fail(at, `a section at ${start} of ${length} bytes goes past the end, ${bytes.length}`);
    return [start, length];
  };
  const [typeStart, typeLength] = section(8);
  const [stringStart, stringLength] = section(16);
  if (((typeStart - headerLength) | typeLength) & 3)
    fail(8, 'the type section is not aligned to 4 bytes');
  if (typeStart < stringStart + stringLength && stringStart < typeStart + typeLength)
    fail(8, 'the type and string sections overlap');
  return { typeStart, typeLength, stringStart, stringLength };
};

/** All strings of a BTF object, those of its bases first. Copies only where there are two levels of bases. */
const allStrings = (btf: Btf | undefined): Uint8Array => {
  if (btf === undefined) return new Uint8Array(0);
  const { stringStart, stringLength } = readSections(btf.bytes, btf.file);
  const own = btf.bytes.subarray(stringStart, stringStart + stringLength);
  if (btf.base === undefined) return own;
  const before = allStrings(btf.base);
  const all = new Uint8Array(before.length + own.length);
  all.set(before);
  all.set(own, before.length);
  return all;
};

type Unscanned = Omit<RawBtf, 'starts' | 'kinds' | 'typeCount'>;

const checkStrings = (raw: Unscanned, stringStart: number): void => {
  const { strings, base, file } = raw;
  if (strings.length === 0 && base !== undefined) return;
  if (strings.length === 0) throw formatError(file, 20, 'the string section is empty');
  if (strings.at(-1) !== 0)
    throw formatError(file, stringStart + strings.length - 1, 'the last string has no end');
  if (base === undefined && strings[0] !== 0)
    throw formatError(file, stringStart, 'the first string is not the empty one');
};

/** Finds where each record starts, and its kind. */
const scan = (raw: Unscanned): Pick<RawBtf, 'starts' | 'kinds'> => {
  const { file, words, typeStart } = raw;
  const fail = (word: number, rule: string): never => {
    throw formatError(file, typeStart + word * 4, rule);
  };
  const limit = raw.baseStrings.length + raw.strings.length;
  const total = words.length;
  const starts = new Uint32Array(Math.ceil(total / 3));
  const kinds = new Uint8Array(starts.length);
  let count = 0;
  let at = 0;
  while (at < total) {
    if (at + 3 > total) fail(at, 'a type header is cut off');
    const info = words[at + 1] ?? 0;
    const kind = (info >>> 24) & 0x1f;
    if (info & ~INFO_MASK) fail(at + 1, `unknown bits in the type info 0x${info.toString(16)}`);
    if (kind === 0 || kind > MAX_KIND) fail(at + 1, `unknown type kind ${kind}`);
    if ((words[at] ?? 0) >= limit) fail(at, `name offset ${words[at]} is out of range`);
    starts[count] = at;
    kinds[count++] = kind;
    const next = at + (FIXED_WORDS[kind] ?? 0) + (ENTRY_WORDS[kind] ?? 0) * (info & 0xffff);
    if (next > total) fail(at + 1, 'a type record goes past the end of its section');
    at = next;
  }
  return { starts: starts.slice(0, count), kinds: kinds.slice(0, count) };
};

/**
 * Checks the header and the type headers, in one pass.
 * @throws {FormatError} for anything that would make the bounds of a record or a name wrong.
 */
export const openRaw = (bytes: Uint8Array, file: string, base: Btf | undefined): RawBtf => {
  const { typeStart, typeLength, stringStart, stringLength } = readSections(bytes, file);
  const place = bytes.byteOffset + typeStart;
  // A copy only if the bytes lie unaligned in their buffer. Not bytes.slice(): that of a Node Buffer copies nothing.
  const words =
    place % 4 === 0
      ? new Uint32Array(bytes.buffer, place, typeLength / 4)
      : new Uint32Array(new Uint8Array(bytes.subarray(typeStart, typeStart + typeLength)).buffer);
  const strings = bytes.subarray(stringStart, stringStart + stringLength);
  const firstId = base?.typeCount ?? 1;
  const raw = { file, base, typeStart, words, firstId, strings, baseStrings: allStrings(base) };
  checkStrings(raw, stringStart);
  const { starts, kinds } = scan(raw);
  return { ...raw, starts, kinds, typeCount: firstId + starts.length };
};

/** The word index of an own type. @throws {FormatError} for an id that is not one of `raw`'s own. */
export const startOf = (raw: RawBtf, id: TypeId): number => {
  const start = raw.starts[id - raw.firstId];
  if (start !== undefined) return start;
  throw formatError(
    raw.file,
    raw.typeStart,
    `type id ${id} is out of range, ${raw.typeCount} types`,
  );
};
