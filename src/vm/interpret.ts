import { atomicOperation } from './atomics.ts';
import {
  arsh64,
  div64,
  lsh64,
  mod64,
  mul64,
  neg64,
  rsh64,
  sdiv64,
  smod64,
  swap,
  truncate,
} from './int64.ts';
import { FIRST_MAPPED_OFFSET, STACK_SIZE } from './machine.ts';
import { CALL_LOCAL } from './prepare.ts';
import type { Run } from './run.ts';

/**
 * Runs instructions from word `start` until the frame at depth `floor` exits.
 *
 * One long function on purpose: the state that each instruction touches stays in local variables, and the cases are
 * the opcodes as they stand in every listing, which the engine turns into a jump table. Words are as `Prepared` says.
 *
 * @returns false when the run has faulted; `run.failure` tells why.
 */
export function interpret(run: Run, start: number, floor: number): boolean {
  const { lo, hi, origins, stackOrigins, memory, fuel, stack } = run;
  const { baseHi } = memory;
  let { words } = run.code;
  let { view } = memory;
  let { size } = memory;
  let { steps } = run;
  let at = start;

  for (;;) {
    const op = words[at]!;
    const d = words[at + 1]!;
    const s = words[at + 2]!;
    const w = words[at + 3]!;
    const insn = at >> 2;
    at += 4;
    steps += 1;
    if (steps > fuel) {
      run.steps = steps - 1;
      return run.fail('fuel', insn, `more than ${fuel} instructions`);
    }
    // The second operand: the immediate with its sign extended, or a register.
    let bl = s;
    let bh = s >> 31;
    if (op < 0x100) {
      bl = lo[s]!;
      bh = hi[s]!;
    }
    switch (op & 0xff) {
      // 64-bit arithmetic.
      case 0x07:
      case 0x0f: {
        const low = (lo[d]! + bl) | 0;
        hi[d] = hi[d]! + bh + (low >>> 0 < bl >>> 0 ? 1 : 0);
        lo[d] = low;
        origins[d] = insn;
        break;
      }
      case 0x17:
      case 0x1f: {
        const low = lo[d]!;
        hi[d] = hi[d]! - bh - (low >>> 0 < bl >>> 0 ? 1 : 0);
        lo[d] = low - bl;
        origins[d] = insn;
        break;
      }
      case 0x27:
      case 0x2f:
        mul64(lo, hi, d, bl, bh);
        origins[d] = insn;
        break;
      case 0x37:
      case 0x3f:
        if (w === 0) div64(lo, hi, d, bl, bh);
        else sdiv64(lo, hi, d, bl, bh);
        origins[d] = insn;
        break;
      case 0x97:
      case 0x9f:
        if (w === 0) mod64(lo, hi, d, bl, bh);
        else smod64(lo, hi, d, bl, bh);
        origins[d] = insn;
        break;
      case 0x47:
      case 0x4f:
        lo[d] = lo[d]! | bl;
        hi[d] = hi[d]! | bh;
        origins[d] = insn;
        break;
      case 0x57:
      case 0x5f:
        lo[d] = lo[d]! & bl;
        hi[d] = hi[d]! & bh;
        origins[d] = insn;
        break;
      case 0xa7:
      case 0xaf:
        lo[d] = lo[d]! ^ bl;
        hi[d] = hi[d]! ^ bh;
        origins[d] = insn;
        break;
      // A pair of shifts by 32 extends a 32-bit value, which is no new value: the origin stays.
      case 0x67:
      case 0x6f:
        lsh64(lo, hi, d, bl);
        if (op < 0x100 || s !== 32) origins[d] = insn;
        break;
      case 0x77:
      case 0x7f:
        rsh64(lo, hi, d, bl);
        if (op < 0x100 || s !== 32) origins[d] = insn;
        break;
      case 0xc7:
      case 0xcf:
        arsh64(lo, hi, d, bl);
        if (op < 0x100 || s !== 32) origins[d] = insn;
        break;
      case 0x87:
        neg64(lo, hi, d);
        origins[d] = insn;
        break;
      case 0xb7:
        lo[d] = bl;
        hi[d] = bh;
        origins[d] = insn;
        break;
      case 0xbf:
        if (w === 0) {
          lo[d] = bl;
          hi[d] = bh;
        } else {
          lo[d] = (bl << (32 - w)) >> (32 - w);
          hi[d] = lo[d] >> 31;
        }
        origins[d] = origins[s]!;
        break;
      case 0xd7:
        swap(lo, hi, d, s);
        origins[d] = insn;
        break;
      case 0xdc:
        swap(lo, hi, d, s);
        origins[d] = insn;
        break;
      case 0xd4:
        truncate(lo, hi, d, s);
        origins[d] = insn;
        break;

      // 32-bit arithmetic: the high half of the result is zero.
      case 0x04:
      case 0x0c:
        lo[d] = lo[d]! + bl;
        hi[d] = 0;
        origins[d] = insn;
        break;
      case 0x14:
      case 0x1c:
        lo[d] = lo[d]! - bl;
        hi[d] = 0;
        origins[d] = insn;
        break;
      case 0x24:
      case 0x2c:
        lo[d] = Math.imul(lo[d]!, bl);
        hi[d] = 0;
        origins[d] = insn;
        break;
      case 0x34:
      case 0x3c:
        lo[d] = bl === 0 ? 0 : w === 0 ? (lo[d]! >>> 0) / (bl >>> 0) : lo[d]! / bl;
        hi[d] = 0;
        origins[d] = insn;
        break;
      case 0x94:
      case 0x9c:
        if (bl !== 0) lo[d] = w === 0 ? (lo[d]! >>> 0) % (bl >>> 0) : lo[d]! % bl;
        hi[d] = 0;
        origins[d] = insn;
        break;
      case 0x44:
      case 0x4c:
        lo[d] = lo[d]! | bl;
        hi[d] = 0;
        origins[d] = insn;
        break;
      case 0x54:
      case 0x5c:
        lo[d] = lo[d]! & bl;
        hi[d] = 0;
        origins[d] = insn;
        break;
      case 0xa4:
      case 0xac:
        lo[d] = lo[d]! ^ bl;
        hi[d] = 0;
        origins[d] = insn;
        break;
      case 0x64:
      case 0x6c:
        lo[d] = lo[d]! << bl;
        hi[d] = 0;
        origins[d] = insn;
        break;
      case 0x74:
      case 0x7c:
        lo[d] = lo[d]! >>> bl;
        hi[d] = 0;
        origins[d] = insn;
        break;
      case 0xc4:
      case 0xcc:
        lo[d] = lo[d]! >> bl;
        hi[d] = 0;
        origins[d] = insn;
        break;
      case 0x84:
        lo[d] = -lo[d]!;
        hi[d] = 0;
        origins[d] = insn;
        break;
      case 0xb4:
        lo[d] = bl;
        hi[d] = 0;
        origins[d] = insn;
        break;
      case 0xbc:
        lo[d] = w === 0 ? bl : (bl << (32 - w)) >> (32 - w);
        hi[d] = 0;
        origins[d] = origins[s]!;
        break;

      // 64-bit jumps; `w` is the word to go to.
      case 0x05:
      case 0x06:
        at = w;
        break;
      case 0x15:
      case 0x1d:
        if (lo[d] === bl && hi[d] === bh) at = w;
        break;
      case 0x55:
      case 0x5d:
        if (lo[d] !== bl || hi[d] !== bh) at = w;
        break;
      case 0x45:
      case 0x4d:
        if (((lo[d]! & bl) | (hi[d]! & bh)) !== 0) at = w;
        break;
      case 0x25:
      case 0x2d:
        if (hi[d] === bh ? lo[d]! >>> 0 > bl >>> 0 : hi[d]! >>> 0 > bh >>> 0) at = w;
        break;
      case 0x35:
      case 0x3d:
        if (hi[d] === bh ? lo[d]! >>> 0 >= bl >>> 0 : hi[d]! >>> 0 > bh >>> 0) at = w;
        break;
      case 0xa5:
      case 0xad:
        if (hi[d] === bh ? lo[d]! >>> 0 < bl >>> 0 : hi[d]! >>> 0 < bh >>> 0) at = w;
        break;
      case 0xb5:
      case 0xbd:
        if (hi[d] === bh ? lo[d]! >>> 0 <= bl >>> 0 : hi[d]! >>> 0 < bh >>> 0) at = w;
        break;
      case 0x65:
      case 0x6d:
        if (hi[d] === bh ? lo[d]! >>> 0 > bl >>> 0 : hi[d]! > bh) at = w;
        break;
      case 0x75:
      case 0x7d:
        if (hi[d] === bh ? lo[d]! >>> 0 >= bl >>> 0 : hi[d]! > bh) at = w;
        break;
      case 0xc5:
      case 0xcd:
        if (hi[d] === bh ? lo[d]! >>> 0 < bl >>> 0 : hi[d]! < bh) at = w;
        break;
      case 0xd5:
      case 0xdd:
        if (hi[d] === bh ? lo[d]! >>> 0 <= bl >>> 0 : hi[d]! < bh) at = w;
        break;
      case 0xe5:
        if (run.loops[run.depth] === 0) at = w;
        else run.loops[run.depth]! -= 1;
        break;

      // 32-bit jumps.
      case 0x16:
      case 0x1e:
        if (lo[d] === bl) at = w;
        break;
      case 0x56:
      case 0x5e:
        if (lo[d] !== bl) at = w;
        break;
      case 0x46:
      case 0x4e:
        if ((lo[d]! & bl) !== 0) at = w;
        break;
      case 0x26:
      case 0x2e:
        if (lo[d]! >>> 0 > bl >>> 0) at = w;
        break;
      case 0x36:
      case 0x3e:
        if (lo[d]! >>> 0 >= bl >>> 0) at = w;
        break;
      case 0xa6:
      case 0xae:
        if (lo[d]! >>> 0 < bl >>> 0) at = w;
        break;
      case 0xb6:
      case 0xbe:
        if (lo[d]! >>> 0 <= bl >>> 0) at = w;
        break;
      case 0x66:
      case 0x6e:
        if (lo[d]! > bl) at = w;
        break;
      case 0x76:
      case 0x7e:
        if (lo[d]! >= bl) at = w;
        break;
      case 0xc6:
      case 0xce:
        if (lo[d]! < bl) at = w;
        break;
      case 0xd6:
      case 0xde:
        if (lo[d]! <= bl) at = w;
        break;

      // Loads: zero-extended, then sign-extended ones.
      case 0x71: {
        const p = (bl >>> 0) + w;
        if (bh === baseHi && p >= FIRST_MAPPED_OFFSET && p <= size - 1) {
          lo[d] = view.getUint8(p);
          hi[d] = 0;
          origins[d] = loadOrigin(stackOrigins, p - stack, insn);
        } else if (!run.badLoad(insn, d, bl, bh, w)) {
          run.steps = steps;
          return false;
        }
        break;
      }
      case 0x69: {
        const p = (bl >>> 0) + w;
        if (bh === baseHi && p >= FIRST_MAPPED_OFFSET && p <= size - 2) {
          lo[d] = view.getUint16(p, true);
          hi[d] = 0;
          origins[d] = loadOrigin(stackOrigins, p - stack, insn);
        } else if (!run.badLoad(insn, d, bl, bh, w)) {
          run.steps = steps;
          return false;
        }
        break;
      }
      case 0x61: {
        const p = (bl >>> 0) + w;
        if (bh === baseHi && p >= FIRST_MAPPED_OFFSET && p <= size - 4) {
          lo[d] = view.getInt32(p, true);
          hi[d] = 0;
          origins[d] = loadOrigin(stackOrigins, p - stack, insn);
        } else if (!run.badLoad(insn, d, bl, bh, w)) {
          run.steps = steps;
          return false;
        }
        break;
      }
      case 0x79: {
        const p = (bl >>> 0) + w;
        if (bh === baseHi && p >= FIRST_MAPPED_OFFSET && p <= size - 8) {
          lo[d] = view.getInt32(p, true);
          hi[d] = view.getInt32(p + 4, true);
          origins[d] = loadOrigin(stackOrigins, p - stack, insn);
        } else if (!run.badLoad(insn, d, bl, bh, w)) {
          run.steps = steps;
          return false;
        }
        break;
      }
      case 0x91: {
        const p = (bl >>> 0) + w;
        if (bh === baseHi && p >= FIRST_MAPPED_OFFSET && p <= size - 1) {
          lo[d] = view.getInt8(p);
          hi[d] = lo[d] >> 31;
          origins[d] = loadOrigin(stackOrigins, p - stack, insn);
        } else if (!run.badLoad(insn, d, bl, bh, w)) {
          run.steps = steps;
          return false;
        }
        break;
      }
      case 0x89: {
        const p = (bl >>> 0) + w;
        if (bh === baseHi && p >= FIRST_MAPPED_OFFSET && p <= size - 2) {
          lo[d] = view.getInt16(p, true);
          hi[d] = lo[d] >> 31;
          origins[d] = loadOrigin(stackOrigins, p - stack, insn);
        } else if (!run.badLoad(insn, d, bl, bh, w)) {
          run.steps = steps;
          return false;
        }
        break;
      }
      case 0x81: {
        const p = (bl >>> 0) + w;
        if (bh === baseHi && p >= FIRST_MAPPED_OFFSET && p <= size - 4) {
          lo[d] = view.getInt32(p, true);
          hi[d] = lo[d] >> 31;
          origins[d] = loadOrigin(stackOrigins, p - stack, insn);
        } else if (!run.badLoad(insn, d, bl, bh, w)) {
          run.steps = steps;
          return false;
        }
        break;
      }
      case 0x18:
        lo[d] = s;
        hi[d] = w;
        origins[d] = insn;
        at += 4;
        break;

      // Stores: of a constant and of a register.
      case 0x72:
      case 0x73: {
        const p = (lo[d]! >>> 0) + w;
        if (hi[d] !== baseHi || p < FIRST_MAPPED_OFFSET || p > size - 1) {
          run.steps = steps;
          return run.failAccess(insn, 'store', lo[d]!, hi[d]!, w);
        }
        view.setInt8(p, bl);
        storeOrigin(stackOrigins, p - stack, 1, op < 0x100 ? origins[s]! : insn);
        break;
      }
      case 0x6a:
      case 0x6b: {
        const p = (lo[d]! >>> 0) + w;
        if (hi[d] !== baseHi || p < FIRST_MAPPED_OFFSET || p > size - 2) {
          run.steps = steps;
          return run.failAccess(insn, 'store', lo[d]!, hi[d]!, w);
        }
        view.setInt16(p, bl, true);
        storeOrigin(stackOrigins, p - stack, 2, op < 0x100 ? origins[s]! : insn);
        break;
      }
      case 0x62:
      case 0x63: {
        const p = (lo[d]! >>> 0) + w;
        if (hi[d] !== baseHi || p < FIRST_MAPPED_OFFSET || p > size - 4) {
          run.steps = steps;
          return run.failAccess(insn, 'store', lo[d]!, hi[d]!, w);
        }
        view.setInt32(p, bl, true);
        storeOrigin(stackOrigins, p - stack, 4, op < 0x100 ? origins[s]! : insn);
        break;
      }
      case 0x7a:
      case 0x7b: {
        const p = (lo[d]! >>> 0) + w;
        if (hi[d] !== baseHi || p < FIRST_MAPPED_OFFSET || p > size - 8) {
          run.steps = steps;
          return run.failAccess(insn, 'store', lo[d]!, hi[d]!, w);
        }
        view.setInt32(p, bl, true);
        view.setInt32(p + 4, bh, true);
        storeOrigin(stackOrigins, p - stack, 8, op < 0x100 ? origins[s]! : insn);
        break;
      }

      // Atomic operations; a load-acquire alone has its address in the source register.
      case 0xc3:
      case 0xcb:
      case 0xd3:
      case 0xdb: {
        run.steps = steps;
        if (!atomicOperation(run, insn, op, d, s, w)) return false;
        break;
      }

      case 0x85:
        if (d === CALL_LOCAL) {
          run.steps = steps;
          if (!run.enter(at, insn)) return false;
          at = w;
          break;
        }
        run.steps = steps;
        if (!run.callFunction(s, insn)) return false;
        // The helper may have run callbacks, let the memory grow, or changed the program.
        ({ steps } = run);
        ({ view, size } = memory);
        if (run.takeTailCall()) {
          ({ words } = run.code);
          at = 0;
        }
        break;
      case 0x95:
        if (run.depth === floor) {
          run.steps = steps;
          return true;
        }
        at = run.leave();
        ({ words } = run.code);
        break;

      default:
        run.steps = steps;
        return run.failInstruction(insn);
    }
  }
}

/** A value read back from the stack has the origin that it was stored with. */
function loadOrigin(stackOrigins: Int32Array, place: number, insn: number): number {
  if (place >>> 0 >= STACK_SIZE) return insn;
  const origin = stackOrigins[place >> 2]!;
  return origin === 0 ? insn : origin - 1;
}

function storeOrigin(stackOrigins: Int32Array, place: number, bytes: number, origin: number): void {
  if (place >>> 0 >= STACK_SIZE) return;
  stackOrigins[place >> 2] = origin + 1;
  if (bytes === 8) stackOrigins[(place >> 2) + 1] = origin + 1;
}
