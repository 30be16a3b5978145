/**
 * 64-bit arithmetic on registers held as int32 halves: `lo[d], hi[d]` takes the result of an operation with the second
 * operand `bl, bh`. No BigInt: one would cost more than the operation.
 */
export type Halves = Int32Array;

const TWO_32 = 4294967296;

/** High 32 bits of the unsigned product. */
function mulHigh(a: number, b: number): number {
  const al = a & 0xffff;
  const ah = a >>> 16;
  const bl = b & 0xffff;
  const bh = b >>> 16;
  const low = (al * bl) >>> 16;
  const middle = ah * bl + low;
  const other = al * bh + (middle & 0xffff);
  return (ah * bh + (middle >>> 16) + (other >>> 16)) | 0;
}

export function mul64(lo: Halves, hi: Halves, d: number, bl: number, bh: number): void {
  const al = lo[d]!;
  const cross = Math.imul(al, bh) + Math.imul(hi[d]!, bl);
  lo[d] = Math.imul(al, bl);
  hi[d] = (mulHigh(al, bl) + cross) | 0;
}

export function lsh64(lo: Halves, hi: Halves, d: number, count: number): void {
  const n = count & 63;
  const low = lo[d]!;
  if (n === 0) return;
  if (n >= 32) {
    hi[d] = low << (n - 32);
    lo[d] = 0;
  } else {
    hi[d] = (hi[d]! << n) | (low >>> (32 - n));
    lo[d] = low << n;
  }
}

export function rsh64(lo: Halves, hi: Halves, d: number, count: number): void {
  const n = count & 63;
  const high = hi[d]!;
  if (n === 0) return;
  if (n >= 32) {
    lo[d] = high >>> (n - 32);
    hi[d] = 0;
  } else {
    lo[d] = (lo[d]! >>> n) | (high << (32 - n));
    hi[d] = high >>> n;
  }
}

export function arsh64(lo: Halves, hi: Halves, d: number, count: number): void {
  const n = count & 63;
  const high = hi[d]!;
  if (n === 0) return;
  if (n >= 32) {
    lo[d] = high >> (n - 32);
    hi[d] = high >> 31;
  } else {
    lo[d] = (lo[d]! >>> n) | (high << (32 - n));
    hi[d] = high >> n;
  }
}

export function neg64(lo: Halves, hi: Halves, d: number): void {
  const low = -lo[d]! | 0;
  lo[d] = low;
  hi[d] = low === 0 ? -hi[d]! | 0 : ~hi[d]!;
}

const lessUnsigned = (al: number, ah: number, bl: number, bh: number): boolean =>
  ah === bh ? al >>> 0 < bl >>> 0 : ah >>> 0 < bh >>> 0;

/** Unsigned division; by zero gives 0 (RFC 9669, 4.1). */
export function div64(lo: Halves, hi: Halves, d: number, bl: number, bh: number): void {
  divide(lo, hi, d, bl, bh, false);
}

/** Unsigned remainder; by zero leaves the register as it is. */
export function mod64(lo: Halves, hi: Halves, d: number, bl: number, bh: number): void {
  divide(lo, hi, d, bl, bh, true);
}

/** Signed division, rounding towards zero; -2^63 / -1 wraps to -2^63. */
export function sdiv64(lo: Halves, hi: Halves, d: number, bl: number, bh: number): void {
  const negative = hi[d]! < 0 !== bh < 0;
  divideMagnitudes(lo, hi, d, bl, bh, false);
  if (negative) neg64(lo, hi, d);
}

/** Signed remainder: it takes the sign of the dividend; -2^63 % -1 is 0. */
export function smod64(lo: Halves, hi: Halves, d: number, bl: number, bh: number): void {
  const negative = hi[d]! < 0;
  divideMagnitudes(lo, hi, d, bl, bh, true);
  if (negative) neg64(lo, hi, d);
}

function divideMagnitudes(
  lo: Halves,
  hi: Halves,
  d: number,
  bl: number,
  bh: number,
  remainder: boolean,
): void {
  if (hi[d]! < 0) neg64(lo, hi, d);
  const low = -bl | 0;
  if (bh < 0) divide(lo, hi, d, low, low === 0 ? -bh | 0 : ~bh, remainder);
  else divide(lo, hi, d, bl, bh, remainder);
}

function divide(
  lo: Halves,
  hi: Halves,
  d: number,
  bl: number,
  bh: number,
  remainder: boolean,
): void {
  const ah = hi[d]!;
  if (bh === 0) {
    divideByWord(lo, hi, d, bl, remainder);
  } else if (ah >>> 21 === 0 && bh >>> 21 === 0) {
    // Both are exact as doubles, and the quotient of two such integers never rounds up across an integer.
    const a = ah * TWO_32 + (lo[d]! >>> 0);
    const b = bh * TWO_32 + (bl >>> 0);
    const result = remainder ? a % b : Math.floor(a / b);
    lo[d] = result | 0;
    hi[d] = (result / TWO_32) | 0;
  } else {
    divideWide(lo, hi, d, bl, bh, remainder);
  }
}

/** Divisor of 32 bits: schoolbook division by 32, 16 and 16 bits, each step exact as a double. */
function divideByWord(lo: Halves, hi: Halves, d: number, bl: number, remainder: boolean): void {
  const b = bl >>> 0;
  if (b === 0) {
    if (!remainder) lo[d] = hi[d] = 0;
    return;
  }
  const high = hi[d]! >>> 0;
  const low = lo[d]! >>> 0;
  const upper = (high % b) * 65536 + (low >>> 16);
  const lower = (upper % b) * 65536 + (low & 0xffff);
  if (remainder) {
    lo[d] = (lower % b) | 0;
    hi[d] = 0;
  } else {
    lo[d] = (Math.floor(upper / b) * 65536 + Math.floor(lower / b)) | 0;
    hi[d] = Math.floor(high / b) | 0;
  }
}

/**
 * Divisor of more than 32 bits, so the quotient has at most 32: the quotient of the rounded doubles is off by one at
 * most, and the remainder tells which way.
 */
function divideWide(
  lo: Halves,
  hi: Halves,
  d: number,
  bl: number,
  bh: number,
  remainder: boolean,
): void {
  const al = lo[d]!;
  const ah = hi[d]!;
  const a = (ah >>> 0) * TWO_32 + (al >>> 0);
  const b = (bh >>> 0) * TWO_32 + (bl >>> 0);
  let quotient = Math.min(Math.floor(a / b), TWO_32 - 1);
  lo[d] = bl;
  hi[d] = bh;
  mul64(lo, hi, d, quotient | 0, 0);
  if (lessUnsigned(al, ah, lo[d], hi[d]) || wraps(quotient, bh, bl)) {
    quotient -= 1;
    sub64(lo, hi, d, bl, bh);
  }
  const pl = lo[d];
  const ph = hi[d];
  lo[d] = al;
  hi[d] = ah;
  sub64(lo, hi, d, pl, ph);
  if (!lessUnsigned(lo[d], hi[d], bl, bh)) {
    quotient += 1;
    sub64(lo, hi, d, bl, bh);
  }
  if (remainder) return;
  lo[d] = quotient | 0;
  hi[d] = 0;
}

/** True when the product of the estimate and the divisor is 2^64 or more; it is never far above. */
const wraps = (quotient: number, bh: number, bl: number): boolean =>
  quotient * (bh >>> 0) + Math.floor((quotient * (bl >>> 0)) / TWO_32) >= TWO_32;

function sub64(lo: Halves, hi: Halves, d: number, bl: number, bh: number): void {
  const low = lo[d]!;
  lo[d] = low - bl;
  hi[d] = hi[d]! - bh - (low >>> 0 < bl >>> 0 ? 1 : 0);
}

/** Reverses the low 16, 32 or 64 bits and clears the rest. */
export function swap(lo: Halves, hi: Halves, d: number, bits: number): void {
  const low = lo[d]!;
  if (bits === 16) lo[d] = swap32(low) >>> 16;
  else lo[d] = bits === 32 ? swap32(low) : swap32(hi[d]!);
  hi[d] = bits === 64 ? swap32(low) : 0;
}

const swap32 = (n: number): number =>
  (n << 24) | ((n & 0xff00) << 8) | ((n >>> 8) & 0xff00) | (n >>> 24);

/** Clears what lies above the low 16, 32 or 64 bits: a conversion to the byte order that the machine has. */
export function truncate(lo: Halves, hi: Halves, d: number, bits: number): void {
  if (bits === 16) lo[d] = lo[d]! & 0xffff;
  if (bits !== 64) hi[d] = 0;
}
