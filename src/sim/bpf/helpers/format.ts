import { ERRNO } from '../../../abi/index.ts';

const { EINVAL } = ERRNO;

/** One argument as two halves. */
export type FormatArgument = readonly [lo: number, hi: number];

/** Where the strings and addresses that arguments point to are read. */
export interface FormatSource {
  /** A NUL-terminated string of kernel (`k`), user (`u`) or either (`s`) memory; empty when it cannot be read. */
  string(space: 'k' | 'u' | 's', argument: FormatArgument): Uint8Array;
  /** Bytes of kernel memory; zeroes when they cannot be read. */
  bytes(argument: FormatArgument, length: number): Uint8Array;
}

interface Piece {
  readonly flags: string;
  readonly width: number;
  readonly text: string;
  readonly number: boolean;
}

/**
 * Formats as bpf_trace_printk and bpf_snprintf do, with the conversions that `bpf_bprintf_prepare` accepts:
 * `%c %d %i %u %x %X` with `l` and `ll`, `%s %pks %pus`, `%p %px %pK %pB %ps %pS`, `%pi4 %pI4 %pi6 %pI6`; flags
 * `0`, `+`, `-`, space, and a width.
 *
 * @returns the text, or -EINVAL for a format with anything else in it or more conversions than arguments.
 */
export function formatText(
  format: string,
  args: readonly FormatArgument[],
  source: FormatSource,
): string | number {
  let out = '';
  let used = 0;
  for (let i = 0; i < format.length;) {
    const char = format[i] ?? '';
    if (!/[\x20-\x7e\t-\r]/.test(char)) return -EINVAL;
    if (char !== '%') {
      out += char;
      i += 1;
      continue;
    }
    if (format[i + 1] === '%') {
      out += '%';
      i += 2;
      continue;
    }
    const argument = args[used];
    if (argument === undefined) return -EINVAL;
    used += 1;
    const [head = '', flags = '', width = ''] =
      /^%([0+\- ]*)([1-9]\d*)?/.exec(format.slice(i)) ?? [];
    const rest = format.slice(i + head.length);
    const conversion = convert(rest, argument, source);
    if (conversion === undefined) return -EINVAL;
    const { text, number } = conversion;
    out += pad({ flags, width: Number(width), text, number });
    i += head.length + conversion.length;
  }
  return out;
}

interface Conversion {
  /** Of the conversion in the format, behind flags and width. */
  readonly length: number;
  readonly text: string;
  readonly number: boolean;
}

function convert(
  rest: string,
  argument: FormatArgument,
  source: FormatSource,
): Conversion | undefined {
  const string = /^(?:p([ku])s|(s))(?=$|[\s!-/:-@[-`{-~])/.exec(rest);
  if (string !== null) {
    const space = string[1] === 'k' || string[1] === 'u' ? string[1] : 's';
    const text = latin1(source.string(space, argument));
    return { length: string[0].length, text, number: false };
  }
  if (rest.startsWith('p')) return convertPointer(rest, argument, source);
  if (rest.startsWith('c'))
    return { length: 1, text: String.fromCharCode(argument[0] & 0xff), number: false };
  const integer = /^(l{0,2})([diuxX])/.exec(rest);
  if (integer === null) return undefined;
  const [whole, long = '', kind = ''] = integer;
  return { length: whole.length, text: integerText(argument, long !== '', kind), number: true };
}

function integerText([lo, hi]: FormatArgument, long: boolean, kind: string): string {
  const value = (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
  const bits = long ? 64 : 32;
  if (kind === 'd' || kind === 'i') return BigInt.asIntN(bits, value).toString();
  const unsigned = BigInt.asUintN(bits, value);
  if (kind === 'u') return unsigned.toString();
  const hex = unsigned.toString(16);
  return kind === 'X' ? hex.toUpperCase() : hex;
}

function convertPointer(
  rest: string,
  argument: FormatArgument,
  source: FormatSource,
): Conversion | undefined {
  const address = /^p([iI])([46])/.exec(rest);
  if (address !== null) {
    const text = ipText(address[1] ?? 'i', address[2] === '4' ? 4 : 6, argument, source);
    return { length: 3, text, number: false };
  }
  const plain = /^p(?:([KxsSB])|(?=$|[\s!-/:-@[-`{-~]))/.exec(rest);
  if (plain === null) return undefined;
  const raw = ((BigInt(argument[1] >>> 0) << 32n) | BigInt(argument[0] >>> 0)).toString(16);
  const symbol = /[sSB]/.test(plain[1] ?? '');
  const hidden = plain[1] === 'x' ? raw : hashed(argument);
  const text = symbol ? `0x${raw}` : hidden.padStart(16, '0');
  return { length: plain[0].length, text, number: false };
}

/** Linux prints a keyed hash in place of an address; this one has the same shape. */
function hashed([lo, hi]: FormatArgument): string {
  if (lo === 0 && hi === 0) return '';
  const mixed = Math.imul(lo ^ (hi * 31), 0x9e3779b1);
  return ((mixed ^ (mixed >>> 15)) >>> 0).toString(16).padStart(8, '0');
}

function ipText(
  form: string,
  version: 4 | 6,
  argument: FormatArgument,
  source: FormatSource,
): string {
  const bytes = [...source.bytes(argument, version === 4 ? 4 : 16)];
  if (version === 4)
    return bytes.map((b) => (form === 'i' ? String(b).padStart(3, '0') : String(b))).join('.');
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2)
    groups.push((((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)).toString(16).padStart(4, '0'));
  return groups.join(form === 'i' ? '' : ':');
}

function pad({ flags, width, text, number }: Piece): string {
  const negative = number && text.startsWith('-');
  const sign =
    number && !negative ? /\+| /.exec(flags.includes('+') ? '+' : flags)?.[0] : undefined;
  const full = (sign ?? '') + text;
  if (flags.includes('-')) return full.padEnd(width);
  if (!flags.includes('0') || !number) return full.padStart(width);
  const lead = negative ? '-' : (sign ?? '');
  const digits = negative ? text.slice(1) : text;
  return lead + digits.padStart(width - lead.length, '0');
}

const latin1 = (bytes: Uint8Array): string => String.fromCharCode(...bytes);
