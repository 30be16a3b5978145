import { startOf, type RawBtf } from './raw.ts';
import type { TypeId } from './types.ts';

/** A rule of the kernel's BTF loader that a type breaks, mostly in the words of the kernel's log. */
export interface BtfProblem {
  readonly id: TypeId;
  /** Index of the member, parameter, enumerator or variable, if the problem is one's. */
  readonly entry?: number;
  readonly rule: string;
}

/** `KSYM_NAME_LEN` */
const MAX_NAME_LENGTH = 512;

/** Letters of Latin-1, which the kernel's `isalpha` takes for such. */
const isLetter = (byte: number): boolean =>
  (byte >= 0x41 && byte <= 0x5a) ||
  (byte >= 0x61 && byte <= 0x7a) ||
  (byte >= 0xc0 && byte !== 0xd7 && byte !== 0xf7);
const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;
/** The dot is for static variables of functions and for symbols that compilers split. */
const isStart = (byte: number): boolean => isLetter(byte) || byte === 0x5f || byte === 0x2e;
const isPrintable = (byte: number): boolean => (byte >= 0x20 && byte <= 0x7e) || byte >= 0xa0;

const nameBytes = (raw: RawBtf, offset: number): Uint8Array => {
  const inBase = offset < raw.baseStrings.length;
  const strings = inBase ? raw.baseStrings : raw.strings;
  const start = inBase ? offset : offset - raw.baseStrings.length;
  return strings.subarray(start, strings.indexOf(0, start));
};

/** One word of a type's record. */
export const recordWord = (raw: RawBtf, id: TypeId, word: number): number =>
  raw.words[startOf(raw, id) + word] ?? 0;

/** `btf_name_valid_identifier`; names are bytes to the kernel, of no encoding. */
export const isIdentifier = (raw: RawBtf, offset: number): boolean => {
  const bytes = nameBytes(raw, offset);
  return (
    bytes.length > 0 &&
    bytes.length <= MAX_NAME_LENGTH &&
    bytes.every((byte, i) => isStart(byte) || (i > 0 && isDigit(byte)))
  );
};

/** `btf_name_valid_section` */
export const isSectionName = (raw: RawBtf, offset: number): boolean => {
  const bytes = nameBytes(raw, offset);
  return bytes.length > 0 && bytes.length <= MAX_NAME_LENGTH && bytes.every(isPrintable);
};

/** No name at all is offset 0; the offset of an empty string is a bad name. */
export const isOptionalIdentifier = (raw: RawBtf, offset: number): boolean =>
  offset === 0 || isIdentifier(raw, offset);
