import { formatError, type RawBtf } from './raw.ts';

const LONGEST_SHORT = 64;

/** A zero-terminated string of `strings`; UTF-8, and in practice ASCII. */
export const decodeString = (strings: Uint8Array, start: number): string => {
  const end = strings.indexOf(0, start);
  if (end - start <= LONGEST_SHORT) {
    let text = '';
    let at = start;
    // Building short names from their codes is several times faster than a TextDecoder call.
    for (let byte = strings[at] ?? 0; at < end && byte < 0x80; byte = strings[++at] ?? 0)
      text += String.fromCharCode(byte);
    if (at === end) return text;
  }
  return new TextDecoder().decode(strings.subarray(start, end));
};

/** @throws {FormatError} for an offset past the string section. */
export const stringAt = (raw: RawBtf, offset: number): string => {
  const { baseStrings, strings } = raw;
  if (offset >= 0 && offset < baseStrings.length) return decodeString(baseStrings, offset);
  const start = offset - baseStrings.length;
  if (start >= 0 && start < strings.length) return decodeString(strings, start);
  throw formatError(raw.file, 0, `string offset ${offset} is out of range`);
};
