import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ALU, CLASS, SOURCE, assemble, encode } from '../isa/index.ts';
import { STACK_SIZE, prepare, run } from './index.ts';
import type { Call, Executable, HelperFunction, LinearMemory, RunResult } from './index.ts';

const BASE_HI = 0xffff8880 | 0;
const CTX = 8192;
const STACK = 16384;
const SIZE = 65536;

function newMemory(): LinearMemory {
  const buffer = new ArrayBuffer(SIZE);
  return { u8: new Uint8Array(buffer), view: new DataView(buffer), size: SIZE, baseHi: BASE_HI };
}

const program = (
  code: string | Uint8Array,
  helpers: Record<number, HelperFunction> = {},
  rest: Partial<Executable> = {},
): Executable => ({
  name: 'test',
  code: typeof code === 'string' ? assemble(code) : code,
  helpers: (id) => helpers[id],
  kfuncs: () => undefined,
  ...rest,
});

const execute = (
  executable: Executable,
  options: { memory?: LinearMemory; fuel?: number; ctx?: number } = {},
): RunResult =>
  run(prepare(executable), { memory: newMemory(), ctx: CTX, stack: STACK, ...options });

const r0 = ({ lo, hi }: RunResult): bigint => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);

const valueOf = (text: string): bigint => {
  const result = execute(program(`${text}\nexit`));
  expect(result.fault).toBeUndefined();
  return r0(result);
};

const u64 = (n: bigint): bigint => BigInt.asUintN(64, n);
const MIN = -(2n ** 63n);

const always = (): boolean => true;

const nest = (frames: number): string =>
  `r1 = ${frames - 1}\ncall f\nexit
       f: r0 = r1\nif r1 == 1 goto out\nr1 += -1\ncall f\nout: exit`;

const add: HelperFunction = (call) => {
  call.lo[0] = call.lo[1]! + call.lo[5]!;
  call.hi[0] = 0;
};

const refuse = (call: Call): void => call.fault('r2 is no map');

const loop = (call: Call): void => {
  const address = call.lo[2]!;
  const ctx = [call.lo[3]!, call.hi[3]!] as const;
  const limit = call.lo[1]!;
  let i = 0;
  while (i < limit && call.callback(address, [[i, 0], ctx]) === 0) i += 1;
  call.lo[0] = i;
  call.hi[0] = 0;
};

const sumUpTo = (limit: number): string => `r6 = 5
      *(u64 *)(r10 -8) = 0
      r1 = 10
      r2 = subprog[body]
      r3 = r10
      r3 += -8
      r4 = 0
      call #181
      r0 *= 1000
      r1 = *(u64 *)(r10 -8)
      r0 += r1
      r0 += r6
      exit
      body: r6 = 77
      r3 = *(u64 *)(r2 +0)
      r3 += r1
      *(u64 *)(r2 +0) = r3
      r0 = 0
      if r1 != ${limit} goto pc+1
      r0 = 1
      exit`;

const callBackTwice = (call: Call): void => {
  const at = call.lo[1]!;
  expect([call.callback(at, []), call.callback(at, [])]).toEqual([1, 1]);
};

const callBack = (call: Call): void => void call.callback(call.lo[1]!, []);

const jumpTo =
  (target: () => Executable): HelperFunction =>
  (call) =>
    call.tailCall(target());

const noop = (): void => {};

describe('corner cases of RFC 9669', () => {
  it.each([
    ['a 64-bit shift takes the low 6 bits of its count', 'r0 = 1\nr1 = 65\nr0 <<= r1', 2n],
    ['a 32-bit shift takes the low 5 bits', 'w0 = 1\nw1 = 33\nw0 <<= w1', 2n],
    [
      'a shift by 0 changes nothing',
      'r0 = 0x8000000000000001 ll\nr1 = 64\nr0 >>= r1',
      2n ** 63n + 1n,
    ],
    ['a 32-bit shift by 0 still clears the high half', 'r0 = -1\nw1 = 32\nw0 >>= w1', 0xffffffffn],
    ['an arithmetic shift keeps the sign', 'r0 = -8\nr0 s>>= 1', u64(-4n)],
    ['a 32-bit arithmetic shift keeps bit 31', 'w0 = -8\nw0 s>>= 1', 0xfffffffcn],
    ['division by zero gives 0', 'r0 = 7\nr1 = 0\nr0 /= r1', 0n],
    ['32-bit division by zero gives 0', 'r0 = 0x700000007 ll\nr1 = 0\nw0 /= w1', 0n],
    ['signed division by zero gives 0', 'r0 = -7\nr1 = 0\nr0 s/= r1', 0n],
    ['modulo by zero leaves the value', 'r0 = 0x700000007 ll\nr1 = 0\nr0 %= r1', 0x700000007n],
    ['32-bit modulo by zero leaves the low half', 'r0 = 0x700000007 ll\nr1 = 0\nw0 %= w1', 7n],
    ['a 32-bit divisor is looked at in 32 bits', 'r0 = 7\nr1 = 0x100000000 ll\nw0 /= w1', 0n],
    ['division is unsigned', 'r0 = -1\nr0 /= 2', 2n ** 63n - 1n],
    ['an immediate divisor is sign-extended', 'r0 = -1\nr0 /= -1', 1n],
    ['signed division rounds towards zero', 'r0 = -7\nr0 s/= 2', u64(-3n)],
    ['signed modulo has the sign of the dividend', 'r0 = -7\nr0 s%= 3', u64(-1n)],
    ['INT64_MIN / -1 wraps', 'r0 = 0x8000000000000000 ll\nr0 s/= -1', u64(MIN)],
    ['INT64_MIN % -1 is 0', 'r0 = 0x8000000000000000 ll\nr0 s%= -1', 0n],
    ['INT32_MIN / -1 wraps', 'w0 = 0x80000000\nw0 s/= -1', 0x80000000n],
    ['INT32_MIN % -1 is 0', 'w0 = 0x80000000\nw0 s%= -1', 0n],
    ['32-bit results clear the high half', 'r0 = -1\nw0 += 1', 0n],
    ['32-bit negation too', 'r0 = 1\nw0 = -w0', 0xffffffffn],
    ['a 32-bit move of a register too', 'r1 = -1\nw0 = w1', 0xffffffffn],
    ['a 32-bit move sign-extends within 32 bits', 'w1 = 0x80\nw0 = (s8)w1', 0xffffff80n],
    ['a 64-bit move sign-extends 8 bits', 'r1 = 0x80\nr0 = (s8)r1', u64(-128n)],
    ['… and 16', 'r1 = 0x18000\nr0 = (s16)r1', u64(-32768n)],
    ['… and 32', 'r1 = 0x80000000 ll\nr0 = (s32)r1', u64(-(2n ** 31n))],
    ['an immediate is sign-extended', 'r0 = 0\nr0 |= -1', u64(-1n)],
    ['64-bit negation carries', 'r0 = 0x100000000 ll\nr0 = -r0', u64(-(2n ** 32n))],
    ['le16 truncates', 'r0 = 0x1122334455667788 ll\nr0 = le16 r0', 0x7788n],
    ['le32 truncates', 'r0 = 0x1122334455667788 ll\nr0 = le32 r0', 0x55667788n],
    ['le64 changes nothing', 'r0 = 0x1122334455667788 ll\nr0 = le64 r0', 0x1122334455667788n],
    ['be16 swaps and truncates', 'r0 = 0x1122334455667788 ll\nr0 = be16 r0', 0x8877n],
    ['be32', 'r0 = 0x1122334455667788 ll\nr0 = be32 r0', 0x88776655n],
    ['be64', 'r0 = 0x1122334455667788 ll\nr0 = be64 r0', 0x8877665544332211n],
    ['bswap16', 'r0 = 0x1122334455667788 ll\nr0 = bswap16 r0', 0x8877n],
    ['bswap64', 'r0 = 0x1122334455667788 ll\nr0 = bswap64 r0', 0x8877665544332211n],
  ])('%s', (_, text, expected) => {
    expect(valueOf(text)).toBe(expected);
  });
});

describe('jumps', () => {
  it.each([
    ['==', 'r1 == -1', true],
    ['unsigned > of a negative number', 'r1 > 1', true],
    ['signed > of a negative number', 'r1 s> 1', false],
    ['signed < of a negative number', 'r1 s< 0', true],
    ['32-bit == looks at the low half', 'w2 == 0', true],
    ['64-bit == looks at all of it', 'r2 == 0', false],
    ['& tests bits, the immediate sign-extended', 'r2 & -1', true],
    ['32-bit & tests the low half', 'w2 & -1', false],
    ['32-bit signed <', 'w1 s< 0', true],
    ['32-bit unsigned <', 'w1 < 0', false],
    ['a register', 'r1 != r2', true],
  ])('%s: %s', (_, condition, taken) => {
    const text = `r1 = -1\nr2 = 0x100000000 ll\nr0 = 1\nif ${condition} goto pc+1\nr0 = 0`;
    expect(valueOf(text)).toBe(taken ? 1n : 0n);
  });

  it('gotol counts by its immediate', () => {
    expect(valueOf('r0 = 1\ngotol pc+1\nr0 = 0')).toBe(1n);
  });

  it('may_goto loops 8 Mi times in each frame, then jumps', () => {
    const text = 'r0 = 0\nagain: may_goto out\nr0 += 1\ngoto again\nout:';
    expect(valueOf(text)).toBe(8n * 1024n * 1024n);
  });
});

describe('memory', () => {
  it.each([
    ['*(u8 *)(r10 -8)', 0x88n],
    ['*(u16 *)(r10 -8)', 0xff88n],
    ['*(u32 *)(r10 -8)', 0x8000ff88n],
    ['*(u64 *)(r10 -8)', 0xffffffff8000ff88n],
    ['*(s8 *)(r10 -8)', u64(-120n)],
    ['*(s16 *)(r10 -8)', u64(-120n)],
    ['*(s32 *)(r10 -8)', u64(-0x7fff0078n)],
  ])('r0 = %s', (place, expected) => {
    expect(valueOf(`*(u64 *)(r10 -8) = 0x8000ff88\nr0 = ${place}`)).toBe(expected);
  });

  it('each store touches its own bytes alone', () => {
    const text = `*(u64 *)(r10 -8) = 0
      *(u8 *)(r10 -8) = 0x111
      *(u16 *)(r10 -6) = 0x12222
      w1 = 0x33333333
      *(u32 *)(r10 -4) = r1
      r0 = *(u64 *)(r10 -8)`;
    expect(valueOf(text)).toBe(0x3333333322220011n);
  });

  it('reads the context and places that are not aligned', () => {
    const memory = newMemory();
    memory.view.setUint32(CTX + 1, 0xdeadbeef, true);
    const result = execute(program('r0 = *(u32 *)(r1 +1)\nexit'), { memory });
    expect(r0(result)).toBe(0xdeadbeefn);
  });

  const EDGES: readonly (readonly [string, string, boolean])[] = [
    ['NULL', 'r1 = 0', false],
    ['the page of NULL', `r1 = 0xffff888000000ff8 ll`, false],
    ['just before the first mapped byte', 'r1 = 0xffff888000000ff9 ll', false],
    ['the first mapped bytes', 'r1 = 0xffff888000001000 ll', true],
    ['the last mapped bytes', 'r1 = 0xffff88800000fff8 ll', true],
    ['one byte too far', 'r1 = 0xffff88800000fff9 ll', false],
    ['a user address', 'r1 = 0x7fff00002000 ll', false],
    ['the low half of a good address', 'r1 = 0x2000', false],
  ];
  it.each(EDGES)('a 64-bit access at %s', (_, address, good) => {
    const load = execute(program(`${address}\nr0 = *(u64 *)(r1 +0)\nexit`));
    const store = execute(program(`${address}\n*(u64 *)(r1 +0) = 1\nr0 = 0\nexit`));
    const atomic = execute(program(`${address}\nlock *(u64 *)(r1 +0) += r1\nr0 = 0\nexit`));
    for (const { fault } of [load, store, atomic])
      expect(fault?.kind).toBe(good ? undefined : 'memory');
  });

  it('a fault names the access and the instruction', () => {
    const result = execute(program('r1 = 0\nr0 = *(u64 *)(r1 +16)\nexit'));
    expect(result).toMatchObject({
      lo: 0,
      hi: 0,
      originInsn: -1,
      fault: {
        kind: 'memory',
        insn: 1,
        message: 'load at 0x0000000000000010: (79) r0 = *(u64 *)(r1 +16)',
      },
    });
  });

  it('a load through an untrusted BTF pointer gives 0 where nothing is mapped, a store never does', () => {
    const load = 'r0 = 7\nr1 = 0\nr0 = *(u64 *)(r1 +16)\nexit';
    expect(r0(execute(program(load, {}, { isProbe: always })))).toBe(0n);
    const store = 'r1 = 0\n*(u64 *)(r1 +16) = 1\nexit';
    expect(execute(program(store, {}, { isProbe: always })).fault?.kind).toBe('memory');
  });
});

describe('atomic operations', () => {
  const A = 0xffffffff00000005n;
  const cases: readonly (readonly [text: string, memory: bigint, r0: bigint, r2: bigint])[] = [
    ['lock *(u64 *)(r10 -8) += r2', 0xffffffff00000008n, 5n, 3n],
    ['lock *(u32 *)(r10 -8) += r2', 0xffffffff00000008n, 5n, 3n],
    ['lock *(u64 *)(r10 -8) |= r2', 0xffffffff00000007n, 5n, 3n],
    ['lock *(u64 *)(r10 -8) &= r2', 1n, 5n, 3n],
    ['lock *(u64 *)(r10 -8) ^= r2', 0xffffffff00000006n, 5n, 3n],
    ['r2 = atomic64_fetch_add((u64 *)(r10 -8), r2)', 0xffffffff00000008n, 5n, A],
    ['r2 = atomic_fetch_add((u32 *)(r10 -8), r2)', 0xffffffff00000008n, 5n, 5n],
    ['r2 = atomic64_fetch_and((u64 *)(r10 -8), r2)', 1n, 5n, A],
    ['r2 = atomic_fetch_xor((u32 *)(r10 -8), r2)', 0xffffffff00000006n, 5n, 5n],
    ['r2 = atomic64_xchg((u64 *)(r10 -8), r2)', 3n, 5n, A],
    ['r2 = atomic_xchg((u32 *)(r10 -8), r2)', 0xffffffff00000003n, 5n, 5n],
    ['r0 = atomic64_cmpxchg((u64 *)(r10 -8), r0, r2)', A, A, 3n],
    ['r0 = atomic_cmpxchg((u32 *)(r10 -8), r0, r2)', 0xffffffff00000003n, 5n, 3n],
    ['r0 = load_acquire((u16 *)(r10 -6))', A, 0n, 3n],
    ['r0 = load_acquire((u64 *)(r10 -8))', A, A, 3n],
    ['store_release((u8 *)(r10 -8), r2)', 0xffffffff00000003n, 5n, 3n],
    ['store_release((u64 *)(r10 -8), r2)', 3n, 5n, 3n],
  ];
  it.each(cases)('%s', (text, inMemory, inR0, inR2) => {
    const before = `r1 = 0xffffffff00000005 ll\n*(u64 *)(r10 -8) = r1\nr0 = 5\nr2 = 3\n${text}\n`;
    expect(valueOf(`${before}r0 = *(u64 *)(r10 -8)`)).toBe(inMemory);
    expect(valueOf(before)).toBe(inR0);
    expect(valueOf(`${before}r0 = r2`)).toBe(inR2);
  });

  it('a 64-bit addition carries into the high half', () => {
    const text = `r1 = 0xffffffff ll\n*(u64 *)(r10 -8) = r1\nr1 = 1
      lock *(u64 *)(r10 -8) += r1\nr0 = *(u64 *)(r10 -8)`;
    expect(valueOf(text)).toBe(2n ** 32n);
  });
});

describe('calls within the program', () => {
  it('keep r6–r9 and the frame of the caller', () => {
    const text = `r6 = 1
      *(u64 *)(r10 -8) = 2
      r1 = 40
      call add_two
      r1 = *(u64 *)(r10 -8)
      r0 += r6
      r0 += r1
      exit
      add_two: r6 = 99
      *(u64 *)(r10 -8) = 98
      r0 = r1
      r0 += 2
      exit`;
    expect(r0(execute(program(text)))).toBe(45n);
  });

  it('give a callee the stack of its caller by pointer', () => {
    const text = `r1 = r10\nr1 += -8\ncall fill\nr0 = *(u64 *)(r10 -8)\nexit
      fill: *(u64 *)(r1 +0) = 7\nr0 = 0\nexit`;
    expect(r0(execute(program(text)))).toBe(7n);
  });

  it('nest 8 frames deep and no deeper', () => {
    expect(execute(program(nest(8))).fault).toBeUndefined();
    expect(execute(program(nest(9))).fault).toMatchObject({ kind: 'stack', insn: 6 });
  });
});

describe('helpers', () => {
  it('read r1–r5 and answer in r0', () => {
    expect(r0(execute(program('r1 = 3\nr5 = 4\ncall #7\nexit', { 7: add })))).toBe(7n);
  });

  it('know the program, the context and the memory', () => {
    const seen: unknown[] = [];
    const look = (call: Call): void => void seen.push(call.program, call.ctx, call.memory);
    const memory = newMemory();
    const executable = program('call #1\nr0 = 0\nexit', { 1: look });
    execute(executable, { memory });
    expect(seen).toEqual([executable, CTX, memory]);
  });

  it('may let the memory grow', () => {
    const memory = { ...newMemory() };
    const grow = (): void => {
      const u8 = new Uint8Array(2 * SIZE);
      u8.set(memory.u8);
      Object.assign(memory, { u8, view: new DataView(u8.buffer), size: 2 * SIZE });
      memory.view.setUint8(SIZE + 8, 42);
    };
    const text = 'call #1\nr1 = 0xffff888000010000 ll\nr0 = *(u8 *)(r1 +8)\nexit';
    expect(r0(execute(program(text, { 1: grow }), { memory }))).toBe(42n);
  });

  it('that nobody knows are faults naming the number', () => {
    expect(execute(program('r0 = 0\ncall #4711\nexit')).fault).toEqual({
      kind: 'helper',
      insn: 1,
      message: 'unknown helper 4711',
    });
    expect(execute(program('call kernel-function#99\nexit')).fault?.message).toBe(
      'unknown kernel function 99',
    );
  });

  it('can end the run', () => {
    expect(execute(program('call #1\nr0 = 1\nexit', { 1: refuse }))).toMatchObject({
      lo: 0,
      fault: { kind: 'helper-argument', insn: 0, message: 'r2 is no map' },
      steps: 1,
    });
  });

  it('call back into the program', () => {
    expect(r0(execute(program(sumUpTo(100), { 181: loop })))).toBe(10050n);
    expect(r0(execute(program(sumUpTo(3), { 181: loop })))).toBe(3011n);
  });

  it('a fault inside a callback ends the run', () => {
    const text = 'r1 = subprog[bad]\ncall #1\nr0 = 0\nexit\nbad: r0 = *(u8 *)(r0 +0)\nexit';
    expect(execute(program(text, { 1: callBackTwice }))).toMatchObject({
      fault: { kind: 'memory', insn: 5 },
      steps: 3,
    });
  });

  it('a callback that is no function is a fault', () => {
    const result = execute(program('r1 = 5\ncall #1\nr0 = 0\nexit', { 1: callBack }));
    expect(result.fault?.kind).toBe('helper-argument');
  });
});

describe('tail calls', () => {
  it('go on as another program with the same context, and say which one exited', () => {
    const second = program('r0 = r1\nexit');
    const first = program('r1 = 0\ncall #12\nr0 = 0\nexit', { 12: jumpTo(() => second) });
    const result = execute(first);
    expect(result.lo).toBe(CTX);
    expect(result.program).toBe(second);
    expect(result.steps).toBe(4);
  });

  it('stop after 33', () => {
    let calls = 0;
    const self: Executable = program('call #12\nr0 = 5\nexit', {
      12: (call) => {
        calls += 1;
        call.tailCall(self);
      },
    });
    expect(r0(execute(self))).toBe(5n);
    expect(calls).toBe(34);
  });

  it('in a function return to its caller', () => {
    const second = program('r0 = 20\nexit');
    const text = 'r6 = 1\ncall f\nr0 += r6\nexit\nf: call #12\nr0 = 0\nexit';
    const first = program(text, { 12: jumpTo(() => second) });
    const result = execute(first);
    expect(r0(result)).toBe(21n);
    expect(result.program).toBe(first);
  });

  it('take programs from the cache of the caller', () => {
    const second = program('r0 = 1\nexit');
    const first = program('call #12\nexit', { 12: jumpTo(() => second) });
    const asked: Executable[] = [];
    run(prepare(first), {
      memory: newMemory(),
      ctx: CTX,
      stack: STACK,
      prepared: (executable) => {
        asked.push(executable);
        return prepare(executable);
      },
    });
    expect(asked).toEqual([second]);
  });
});

describe('what cannot run is a fault', () => {
  it.each([
    ['an unknown opcode', new Uint8Array([0xff, 0, 0, 0, 0, 0, 0, 0]), 0],
    ['a field that must be zero', encode([{ ...blank(), opcode: 0x0f, imm: 1 }]), 0],
    ['a register that does not exist', encode([{ ...blank(), opcode: 0xb7, dst: 11 }]), 0],
    ['a map that nobody resolved', assemble('r1 = map[fd:3]\nexit'), 0],
    ['an address in an arena', assemble('r1 = addr_space_cast(r1, 0, 1)\nexit'), 0],
    ['a packet load', assemble('r0 = *(u8 *)skb[0]\nexit'), 0],
    ['the end of the program', assemble('r0 = 0'), 1],
    ['a jump out of the program', assemble('goto pc+100\nexit'), 2],
    ['a jump into a 64-bit constant', assemble('goto pc+1\nr0 = 1 ll\nexit'), 4],
    ['no code at all', new Uint8Array(0), 0],
  ])('%s', (_, code, insn) => {
    expect(execute(program(code)).fault).toMatchObject({ kind: 'instruction', insn });
  });

  it('a loop without end runs out of fuel', () => {
    expect(execute(program('again: goto again'), { fuel: 1000 })).toMatchObject({
      fault: { kind: 'fuel', insn: 0 },
      steps: 1000,
    });
  });

  it('fuel and steps count callbacks too', () => {
    const text = 'r1 = subprog[f]\ncall #1\nr0 = 0\nexit\nf: r0 = 0\nexit';
    expect(execute(program(text, { 1: callBack })).steps).toBe(6);
    expect(execute(program(text, { 1: callBack }), { fuel: 3 }).fault?.kind).toBe('fuel');
  });
});

function blank() {
  return { opcode: 0, dst: 0, src: 0, off: 0, imm: 0, immHi: 0 };
}

describe('the instruction that made the result', () => {
  it.each([
    ['a constant', 'r0 = -13\nexit', 0],
    ['a copy of a constant', 'r6 = -13\nr7 = 0\nr0 = r6\nexit', 0],
    [
      'a 32-bit copy, extended by shifts',
      'w6 = -13\nr0 = 0\nw0 = w6\nr0 <<= 32\nr0 s>>= 32\nexit',
      0,
    ],
    ['arithmetic', 'r0 = 1\nr0 += 2\nexit', 1],
    ['the branch that was taken', 'r0 = -1\nif r1 != 0 goto pc+1\nr0 = 0\nexit', 0],
    ['a helper', 'call #1\nr6 = r0\nr0 = r6\nexit', 0],
    [
      'a constant kept on the stack',
      'w1 = -13\n*(u32 *)(r10 -4) = r1\nr0 = *(u32 *)(r10 -4)\nexit',
      0,
    ],
    ['a stored immediate', '*(u64 *)(r10 -8) = -1\nr0 = *(u64 *)(r10 -8)\nexit', 0],
    ['a load from elsewhere', 'r2 = 5\n*(u64 *)(r1 +0) = r2\nr0 = *(u64 *)(r1 +0)\nexit', 2],
    ['a callee', 'call f\nexit\nf: r0 = -2\nr1 = 0\nexit', 2],
    [
      'what a helper may have written on the stack: the load',
      '*(u64 *)(r10 -8) = 1\nr1 = r10\nr1 += -8\ncall #1\nr0 = *(u64 *)(r10 -8)\nexit',
      4,
    ],
  ])('%s', (_, text, insn) => {
    expect(execute(program(text, { 1: noop })).originInsn).toBe(insn);
  });
});

/** The semantics of RFC 9669 on BigInts, as directly as they can be written. */
const MODEL: Record<number, (a: bigint, b: bigint, bits: number) => bigint> = {
  [ALU.ADD]: (a, b) => a + b,
  [ALU.SUB]: (a, b) => a - b,
  [ALU.MUL]: (a, b) => a * b,
  [ALU.DIV]: (a, b) => (b === 0n ? 0n : a / b),
  [ALU.MOD]: (a, b) => (b === 0n ? a : a % b),
  [ALU.OR]: (a, b) => a | b,
  [ALU.AND]: (a, b) => a & b,
  [ALU.XOR]: (a, b) => a ^ b,
  [ALU.MOV]: (_, b) => b,
  [ALU.LSH]: (a, b, bits) => a << (b & BigInt(bits - 1)),
  [ALU.RSH]: (a, b, bits) => a >> (b & BigInt(bits - 1)),
  [ALU.ARSH]: (a, b, bits) => BigInt.asIntN(bits, a) >> (b & BigInt(bits - 1)),
};
const SIGNED: Record<number, (a: bigint, b: bigint) => bigint> = {
  [ALU.DIV]: (a, b) => (b === 0n ? 0n : a / b),
  [ALU.MOD]: (a, b) => (b === 0n ? a : a % b),
};

const word64 = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc
    .tuple(fc.integer({ min: 0, max: 63 }), fc.integer({ min: -2, max: 2 }))
    .map(([bit, near]) => BigInt.asUintN(64, (1n << BigInt(bit)) + BigInt(near))),
  fc.integer().map((n) => BigInt.asUintN(64, BigInt(n))),
);
const int32 = (n: bigint): number => Number(BigInt.asIntN(32, n));

describe('arithmetic is that of the model', () => {
  const programs = Object.keys(MODEL)
    .map(Number)
    .flatMap((op) =>
      [CLASS.ALU64, CLASS.ALU].flatMap((cls) =>
        [0, 1].filter((off) => off === 0 || op in SIGNED).map((off) => ({ op, cls, off })),
      ),
    );
  it.each(programs)('operation $op, class $cls, offset $off', ({ op, cls, off }) => {
    const bits = cls === CLASS.ALU64 ? 64 : 32;
    const signed = off === 1 ? SIGNED[op] : undefined;
    const model = (a: bigint, b: bigint): bigint => {
      const [x, y] = [BigInt.asUintN(bits, a), BigInt.asUintN(bits, b)];
      const result =
        signed === undefined
          ? MODEL[op]!(x, y, bits)
          : signed(BigInt.asIntN(bits, x), BigInt.asIntN(bits, y));
      return BigInt.asUintN(bits, result);
    };
    const load = (dst: number, value: bigint) => ({
      ...blank(),
      opcode: 0x18,
      dst,
      imm: int32(value),
      immHi: int32(value >> 32n),
    });
    const exit = { ...blank(), opcode: 0x95 };
    fc.assert(
      fc.property(word64, word64, (a, b) => {
        const insn = { ...blank(), opcode: op | cls | SOURCE.X, src: 1, off };
        const register = execute(program(encode([load(0, a), load(1, b), insn, exit])));
        if (r0(register) !== model(a, b)) throw new Error(`${a}, ${b}: ${r0(register)}`);
        const imm = int32(b);
        const byImm = { ...blank(), opcode: op | cls, imm, off };
        const immediate = execute(program(encode([load(0, a), byImm, exit])));
        if (r0(immediate) !== model(a, BigInt(imm)))
          throw new Error(`${a}, ${imm}: ${r0(immediate)}`);
      }),
      { numRuns: 120 },
    );
  });
});

describe('hostile code', () => {
  it('ends with a result or a fault, and touches nothing but the memory', () => {
    const insns = fc.array(
      fc.record({
        opcode: fc.integer({ min: 0, max: 255 }),
        dst: fc.integer({ min: 0, max: 11 }),
        src: fc.integer({ min: 0, max: 11 }),
        off: fc.oneof(fc.constant(0), fc.integer({ min: -20, max: 20 })),
        imm: fc.oneof(fc.constant(0), fc.integer({ min: -20, max: 20 })),
        immHi: fc.constant(0),
      }),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(insns, (list) => {
        const { fault, steps } = execute(program(encode(list)), { fuel: 500 });
        expect(fault === undefined || fault.message.length > 0).toBe(true);
        expect(steps).toBeLessThanOrEqual(500);
      }),
    );
  });

  it('the stack area has the size that runs need', () => {
    expect(STACK_SIZE).toBe(4096);
  });
});
