import { ALU, ATOMIC, accessSize } from '../isa/index.ts';
import { FIRST_MAPPED_OFFSET } from './machine.ts';
import type { Run } from './run.ts';

/**
 * One atomic instruction; there is one processor, so nothing can come between.
 * @param w the number of the operation in the high 16 bits, the offset in the low ones.
 * @returns false when the address is bad.
 */
export function atomicOperation(
  run: Run,
  insn: number,
  opcode: number,
  dst: number,
  src: number,
  w: number,
): boolean {
  const operation = w >> 16;
  const off = (w << 16) >> 16;
  const base = operation === ATOMIC.LOAD_ACQ ? src : dst;
  const size = accessSize(opcode);
  const at = (run.lo[base]! >>> 0) + off;
  const { memory } = run;
  if (run.hi[base] !== memory.baseHi || at < FIRST_MAPPED_OFFSET || at > memory.size - size)
    return run.failAccess(insn, 'atomic', run.lo[base]!, run.hi[base]!, off);
  if (size === 8) atomic64(run, at, dst, src, operation, insn);
  else atomic(run, at, dst, src, operation, size, insn);
  return true;
}

function atomic64(
  run: Run,
  at: number,
  dst: number,
  src: number,
  operation: number,
  insn: number,
): void {
  const { lo, hi } = run;
  const { view } = run.memory;
  const oldLo = view.getInt32(at, true);
  const oldHi = view.getInt32(at + 4, true);
  const srcLo = lo[src]!;
  const srcHi = hi[src]!;
  if (operation === ATOMIC.CMPXCHG) {
    const equal = lo[0] === oldLo && hi[0] === oldHi;
    if (equal) write64(view, at, srcLo, srcHi);
    fill(run, 0, oldLo, oldHi, insn);
    return;
  }
  if (operation === ATOMIC.LOAD_ACQ) {
    fill(run, dst, oldLo, oldHi, insn);
    return;
  }
  const op = operation & ~ATOMIC.FETCH;
  const newLo = combine(op, oldLo, srcLo);
  const carry = op === ALU.ADD && newLo >>> 0 < oldLo >>> 0 ? 1 : 0;
  write64(view, at, newLo, combine(op, oldHi, srcHi) + carry);
  if ((operation & ATOMIC.FETCH) !== 0) fill(run, src, oldLo, oldHi, insn);
}

/** The 8-, 16- and 32-bit operations; the two narrow sizes exist for load-acquire and store-release only. */
function atomic(
  run: Run,
  at: number,
  dst: number,
  src: number,
  operation: number,
  size: 1 | 2 | 4,
  insn: number,
): void {
  const { view } = run.memory;
  const old =
    size === 4
      ? view.getInt32(at, true)
      : size === 2
        ? view.getUint16(at, true)
        : view.getUint8(at);
  const value = run.lo[src]!;
  switch (operation) {
    case ATOMIC.CMPXCHG:
      if (run.lo[0] === old) view.setInt32(at, value, true);
      fill(run, 0, old, 0, insn);
      return;
    case ATOMIC.LOAD_ACQ:
      fill(run, dst, old, 0, insn);
      return;
    case ATOMIC.STORE_REL:
      if (size === 4) view.setInt32(at, value, true);
      else if (size === 2) view.setInt16(at, value, true);
      else view.setInt8(at, value);
      return;
    default:
      view.setInt32(at, combine(operation & ~ATOMIC.FETCH, old, value), true);
      if ((operation & ATOMIC.FETCH) !== 0) fill(run, src, old, 0, insn);
  }
}

function combine(operation: number, a: number, b: number): number {
  switch (operation) {
    case ALU.ADD:
      return (a + b) | 0;
    case ALU.OR:
      return a | b;
    case ALU.AND:
      return a & b;
    case ALU.XOR:
      return a ^ b;
    default:
      // Exchange and store-release.
      return b;
  }
}

function fill(run: Run, register: number, lo: number, hi: number, insn: number): void {
  run.lo[register] = lo;
  run.hi[register] = hi;
  run.origins[register] = insn;
}

function write64(view: DataView, at: number, lo: number, hi: number): void {
  view.setInt32(at, lo, true);
  view.setInt32(at + 4, hi, true);
}
