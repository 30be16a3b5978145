import { ERRNO } from '../../../abi/index.ts';
import type { Call } from '../../../vm/index.ts';
import { memory, result, u32, u64, type Helper } from './args.ts';

const { EINVAL, ERANGE } = ERRNO;
/** The kernel copies that much of the digits before it reads them. */
const DIGITS = 63;
const MAX_U64 = (1n << 64n) - 1n;

const strncmp: Helper = {
  make: () => (call) => {
    const size = u32(call, 2);
    const left = memory(call, 1, size);
    const right = memory(call, 3, 1);
    if (left === 0 || right === 0) return;
    const { u8 } = call.memory;
    for (let i = 0; i < size; i++) {
      const a = u8[left + i] ?? 0;
      const b = u8[right + i] ?? 0;
      if (a !== b) return result(call, a < b ? -1 : 1);
      if (a === 0) break;
    }
    result(call, 0);
  },
};

const isSpace = (code: number): boolean => code === 32 || (code >= 9 && code <= 13) || code === 160;

interface Parsed {
  readonly negative: boolean;
  readonly value: bigint;
  readonly consumed: number;
}

/** __bpf_strtoull: the number at the start of the text, or a negative errno. */
export function parseInteger(text: Uint8Array, flags: number): Parsed | number {
  if (flags !== 0 && flags !== 8 && flags !== 10 && flags !== 16) return -EINVAL;
  let at = 0;
  while (at < text.length && isSpace(text[at] ?? 0)) at += 1;
  const negative = text[at] === 0x2d;
  if (negative) at += 1;
  const raw = String.fromCharCode(...text.subarray(at, at + DIGITS));
  const digits = raw.includes('\0') ? raw.slice(0, raw.indexOf('\0')) : raw;
  if (digits === '') return -EINVAL;
  const { base, skip } = radix(digits, flags);
  const allowed = { 8: /^[0-7]+/, 10: /^[0-9]+/, 16: /^[0-9a-f]+/i }[base];
  const found = allowed?.exec(digits.slice(skip))?.[0];
  if (found === undefined) return -EINVAL;
  const value = found
    .split('')
    .reduce((sum, d) => sum * BigInt(base) + BigInt(parseInt(d, 16)), 0n);
  if (value > MAX_U64) return -ERANGE;
  return { negative, value, consumed: at + skip + found.length };
}

function radix(digits: string, flags: number): { base: 8 | 10 | 16; skip: number } {
  const hex = /^0x[0-9a-f]/i.test(digits);
  if (flags === 0 && hex) return { base: 16, skip: 2 };
  if (flags === 0) return { base: digits.startsWith('0') ? 8 : 10, skip: 0 };
  if (flags === 16) return { base: 16, skip: /^0x/i.test(digits) ? 2 : 0 };
  return { base: flags === 8 ? 8 : 10, skip: 0 };
}

function parseArgument(call: Call): { parsed: Parsed | number; to: number } | undefined {
  const size = u32(call, 2);
  const text = memory(call, 1, size);
  const to = memory(call, 4, 8);
  if (text === 0 || to === 0) return undefined;
  const parsed = parseInteger(call.memory.u8.slice(text, text + size), u64(call, 3));
  call.memory.view.setBigUint64(to, 0n, true);
  return { parsed, to };
}

const strtol: Helper = {
  make: () => (call) => {
    const found = parseArgument(call);
    if (found === undefined) return;
    const { parsed, to } = found;
    if (typeof parsed === 'number') return result(call, parsed);
    const limit = parsed.negative ? 1n << 63n : (1n << 63n) - 1n;
    if (parsed.value > limit) return result(call, -ERANGE);
    call.memory.view.setBigInt64(to, parsed.negative ? -parsed.value : parsed.value, true);
    result(call, parsed.consumed);
  },
};

const strtoul: Helper = {
  make: () => (call) => {
    const found = parseArgument(call);
    if (found === undefined) return;
    const { parsed, to } = found;
    if (typeof parsed === 'number') return result(call, parsed);
    if (parsed.negative) return result(call, -EINVAL);
    call.memory.view.setBigUint64(to, parsed.value, true);
    result(call, parsed.consumed);
  },
};

export const STRING_HELPERS: Readonly<Record<string, Helper>> = { strncmp, strtol, strtoul };
