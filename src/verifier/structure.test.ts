import { describe, expect, it } from 'vitest';
import { ERRNO } from '../abi/index.ts';
import { assemble, encode } from '../isa/index.ts';
import { checkStructure } from './index.ts';
import type { ReadConstant } from './index.ts';

const options = {
  release: '6.18.44',
  helperName: (id: number) => (id >= 0 && id < 212 ? `bpf_helper_${id}` : undefined),
};

/** What Linux would say first: the message, or the errno where it says nothing; undefined when it says neither. */
const verdict = (code: string | Uint8Array, release = options.release): string | undefined => {
  const bytes = typeof code === 'string' ? assemble(code) : code;
  return checkStructure(bytes, { ...options, release })[0]?.kernelMessage;
};

const raw = (opcode: number, fields: object = {}): Uint8Array => {
  const exit = { opcode: 0x95, dst: 0, src: 0, off: 0, imm: 0, immHi: 0 };
  return encode([{ ...exit, opcode, ...fields }, { ...exit, opcode: 0xb7 }, exit]);
};

const errnoOf = (bytes: number): number | undefined =>
  checkStructure(new Uint8Array(bytes), options)[0]?.errno;

/** A chain of functions, each using `stack` bytes. */
const chain = (frames: number, stack: number): Uint8Array => {
  const store = stack === 0 ? '' : `*(u8 *)(r10 -${stack}) = 0\n`;
  const functions = Array.from({ length: frames }, (_, i) =>
    i + 1 < frames ? `f${i}: ${store}call f${i + 1}\nexit` : `f${i}: ${store}r0 = 0\nexit`,
  );
  return assemble(functions.join('\n'));
};

/** 30 functions that each call all of the next layer. */
const layer = (n: number): string =>
  Array.from({ length: 30 }, (_, i) => {
    const calls =
      n === 6 ? '' : Array.from({ length: 30 }, (_, j) => `call f${n + 1}_${j}\n`).join('');
    return `f${n}_${i}: ${calls}exit\n`;
  }).join('');

const readConstant: ReadConstant = (mapFd, offset, size) =>
  mapFd === 3 && offset === 14 && size === 2 ? 0xfffen : undefined;

const jump = (insn: number, to: number) => ({
  insn,
  rule: 'jump',
  kernelMessage: `jump out of range from insn ${insn} to ${to}`,
  errno: ERRNO.EINVAL,
});

describe('structure', () => {
  it.each([
    ['the smallest program', 'r0 = 0\nexit'],
    ['a loop', 'r0 = 10\nagain: r0 += -1\nif r0 != 0 goto again\nexit'],
    ['a program that ends in a jump back', 'goto on\nout: exit\non: r0 = 0\ngoto out'],
    ['a function', 'call f\nexit\nf: r0 = 0\nexit'],
    ['a callback', 'r2 = subprog[f]\nr0 = 0\nexit\nf: r0 = 0\nexit'],
    ['a long jump', 'gotol out\nout: r0 = 0\nexit'],
    ['maps by descriptor and by index', 'r1 = map[fd:3]\nr2 = map[idx:0][0]+8\nr0 = 0\nexit'],
    ['the whole stack', '*(u64 *)(r10 -512) = 0\nr0 = *(u8 *)(r10 -1)\nexit'],
    ['every width of shift', 'r0 = 1\nr0 <<= 63\nw0 <<= 31\nexit'],
    ['recursion of a callback, which paths must judge', 'f: r2 = subprog[f]\nr0 = 0\nexit'],
  ])('%s is well', (_, text) => {
    expect(checkStructure(assemble(text), options)).toEqual([]);
  });

  it.each([
    ['call to invalid destination', 'call pc+9\nexit'],
    ['call to invalid destination', 'r2 = subprog[-2]\nr0 = 0\nexit'],
    ['jump out of range from insn 0 to 3', 'goto pc+2\nr0 = 0\nexit'],
    ['jump out of range from insn 1 to -1', 'r0 = 0\nif r0 == 0 goto pc-3\nexit'],
    ['jump out of range from insn 0 to 3', 'if r1 == 0 goto f\ncall f\nexit\nf: r0 = 0\nexit'],
    ['last insn is not an exit or jmp', 'r0 = 0'],
    ['last insn is not an exit or jmp', 'exit\nr0 = 0 ll'],
    ['last insn is not an exit or jmp', 'call f\nf: exit'],
    ['unreachable insn 1', 'exit\nr0 = 0\nexit'],
    ['unreachable insn 2', 'r0 = 0\nexit\nloop: goto loop'],
    ['jump into the middle of ldimm64 insn 1', 'if r1 == 0 goto pc+1\nr0 = 0 ll\nexit'],
    ['div by zero', 'r0 = 1\nr0 /= 0\nexit'],
    ['div by zero', 'r0 = 1\nw0 s%= 0\nexit'],
    ['invalid shift 64', 'r0 = 1\nr0 <<= 64\nexit'],
    ['invalid shift -1', 'r0 = 1\nr0 s>>= -1\nexit'],
    ['invalid shift 32', 'r0 = 1\nw0 >>= 32\nexit'],
    ['frame pointer is read only', 'r10 = 0\nexit'],
    ['frame pointer is read only', 'r10 += 8\nexit'],
    ['frame pointer is read only', 'r10 = *(u64 *)(r1 +0)\nexit'],
    ['frame pointer is read only', 'r10 = atomic64_xchg((u64 *)(r10 -8), r10)\nexit'],
    ['invalid write to stack R10 off=-520 size=8', '*(u64 *)(r10 -520) = 0\nexit'],
    ['invalid read from stack R10 off=0 size=8', 'r0 = *(u64 *)(r10 +0)\nexit'],
    ['invalid func unknown#4711', 'call #4711\nexit'],
    ['invalid func unknown#-1', 'call #-1\nexit'],
  ])('%s', (message, text) => {
    expect(verdict(text)).toBe(message);
  });

  it.each([
    ['unknown opcode ff', raw(0xff)],
    ['unknown opcode 00', raw(0x00)],
    ['unknown opcode 8d', raw(0x8d)],
    ['unknown opcode df', raw(0xdf)],
    ['BPF_LDX uses reserved fields', raw(0x41)],
    ['BPF_LDX uses reserved fields', raw(0x61, { src: 1, imm: 1 })],
    [
      'invalid bpf_ld_imm64 insn',
      Uint8Array.from([...raw(0x18, { imm: 1 })].map((b, i) => (i === 8 ? 1 : b))),
    ],
    ['unrecognized bpf_ld_imm64 insn', raw(0x18, { src: 7 })],
    ['unrecognized bpf_ld_imm64 insn', raw(0x18, { src: 1, immHi: 5 })],
    ['BPF_ALU uses reserved fields', raw(0x07, { off: 1 })],
    ['BPF_ALU uses reserved fields', raw(0x0f, { src: 1, imm: 1 })],
    ['BPF_NEG uses reserved fields', raw(0x87, { imm: 1 })],
    ['BPF_MOV uses reserved fields', raw(0xbf, { src: 1, off: 7 })],
    ['BPF_MOV uses reserved fields', raw(0xbc, { src: 1, off: 32 })],
    [
      'addr_space_cast insn can only convert between address space 1 and 0',
      raw(0xbf, { src: 1, off: 1 }),
    ],
    ['BPF_END uses reserved fields', raw(0xd4, { imm: 24 })],
    ['BPF_STX uses reserved fields', raw(0x7b, { dst: 10, src: 1, off: -8, imm: 1 })],
    ['BPF_ST uses reserved fields', raw(0x7a, { dst: 10, src: 1, off: -8 })],
    [
      'BPF_ATOMIC uses invalid atomic opcode 20',
      raw(0xdb, { dst: 10, src: 1, off: -8, imm: 0x20 }),
    ],
    ['invalid atomic operand size', raw(0xd3, { dst: 10, src: 1, off: -8 })],
    ['BPF_JMP/JMP32 uses reserved fields', raw(0x1d, { dst: 1, src: 1, imm: 1 })],
    ['BPF_JA uses reserved fields', raw(0x05, { dst: 1 })],
    ['BPF_CALL uses reserved fields', raw(0x85, { src: 3, imm: 1 })],
    ['BPF_CALL uses reserved fields', raw(0x85, { off: 1, imm: 1 })],
    [
      'BPF_EXIT uses reserved fields',
      Uint8Array.from([0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 1, 0, 0, 0]),
    ],
    ['invalid may_goto imm 3', raw(0xe5, { imm: 3 })],
    ['R11 is invalid', raw(0xb7, { dst: 11 })],
    ['R15 is invalid', raw(0x0f, { src: 15 })],
  ])('%s', (message, code) => {
    expect(verdict(code)).toBe(message);
  });

  it.each([
    ['6.1.0', 'r0 = *(s8 *)(r10 -8)', 'BPF_LDX uses reserved fields'],
    ['6.1.0', 'gotol pc+0\nr0 = 0', 'unknown opcode 06'],
    ['6.1.0', 'r0 = bswap16 r0', 'unknown opcode d7'],
    ['6.1.0', 'r0 s/= 2', 'BPF_ALU uses reserved fields'],
    ['6.1.0', 'r0 = (s8)r1', 'BPF_MOV uses reserved fields'],
    ['6.6.10', 'may_goto pc+0', 'unknown opcode e5'],
    ['6.12.86+deb12', 'r0 = load_acquire((u8 *)(r1 +0))', 'unknown opcode d3'],
    [
      '6.12.86+deb12',
      'r0 = load_acquire((u32 *)(r1 +0))',
      'BPF_ATOMIC uses invalid atomic opcode 100',
    ],
  ])('%s has no %s', (release, text, message) => {
    expect(verdict(`${text}\nexit`, release)).toBe(message);
    expect(verdict(`${text}\nexit`)).toBeUndefined();
  });

  it('lengths are refused without a word', () => {
    expect(errnoOf(0)).toBe(ERRNO.E2BIG);
    expect(errnoOf(8_000_008)).toBe(ERRNO.E2BIG);
    expect(errnoOf(12)).toBe(ERRNO.EINVAL);
  });
});

describe('calls', () => {
  it.each([
    ['8 frames', 8, 0, undefined],
    ['9 frames', 9, 0, 'the call stack of 9 frames is too deep'],
    ['512 bytes in 2 frames', 2, 256, undefined],
    ['over 512 bytes in 2 frames', 2, 257, 'combined stack size of 2 calls is 544. Too large'],
  ])('%s', (_, frames, stack, message) => {
    expect(verdict(chain(frames, stack))).toBe(message);
  });

  it('a function that calls itself is too deep', () => {
    expect(verdict('call f\nexit\nf: call f\nexit')).toBe('the call stack of 9 frames is too deep');
  });

  it('layers of functions that all call the next layer are walked once', () => {
    const main = Array.from({ length: 30 }, (_, i) => `call f0_${i}\n`).join('');
    const code = assemble(`${main}exit\n${[0, 1, 2, 3, 4, 5, 6].map(layer).join('')}`);
    expect(checkStructure(code, options)).toEqual([]);
  });

  it('tracing programs have a stack for each function', () => {
    expect(checkStructure(chain(2, 257), { ...options, privateStack: true })).toEqual([]);
  });
});

describe('dead code', () => {
  const bad = 'call #195896080';
  it.each([
    ['a constant', `r1 = 0\nif r1 == 0 goto out\n${bad}\nout: r0 = 0\nexit`],
    ['a 32-bit constant', `w1 = 1\nif w1 != 0 goto out\n${bad}\nout: r0 = 0\nexit`],
    [
      'a constant that arithmetic made',
      `r1 = 3\nr1 <<= 32\nr1 s>>= 32\nr1 &= 4\nif r1 == 0 goto out\n${bad}\nout: r0 = 0\nexit`,
    ],
    ['a missing weak symbol', `r1 = 0 ll\nif r1 == 0 goto out\n${bad}\nout: r0 = 0\nexit`],
    [
      'a constant kept over a call',
      `r6 = 0\ncall #5\nif r6 == 0 goto out\n${bad}\nout: r0 = 0\nexit`,
    ],
    [
      'two paths that agree',
      `r6 = 0\nif r1 == 0 goto on\nr6 = 0\non: if r6 == 0 goto out\n${bad}\nout: r0 = 0\nexit`,
    ],
    [
      'a function that only dead code calls',
      `r1 = 0\nif r1 == 0 goto out\ncall f\nout: r0 = 0\nexit\nf: ${bad}\nexit`,
    ],
  ])('may hold anything behind a branch on %s', (_, text) => {
    expect(checkStructure(assemble(text), options)).toEqual([]);
  });

  it.each([
    ['a helper decides', `call #5\nif r0 == 0 goto out\n${bad}\nout: r0 = 0\nexit`],
    ['memory decides', `r2 = *(u64 *)(r1 +0)\nif r2 == 0 goto out\n${bad}\nout: r0 = 0\nexit`],
    [
      'paths disagree',
      `r6 = 0\nif r1 == 0 goto on\nr6 = 1\non: if r6 == 0 goto out\n${bad}\nout: r0 = 0\nexit`,
    ],
    [
      'a loop changes the constant',
      `r6 = 0\non: if r6 == 0 goto add\n${bad}\nr0 = 0\nexit\nadd: r6 += 1\ngoto on`,
    ],
  ])('is none where %s', (_, text) => {
    expect(checkStructure(assemble(text), options)).toMatchObject([{ rule: 'helper' }]);
  });

  it('is decided by frozen maps too', () => {
    const text = `r1 = map[fd:3][0]+8
      r1 += 4
      r2 = *(s16 *)(r1 +2)
      if r2 == -2 goto out
      ${bad}
      out: r0 = 0
      exit`;
    expect(checkStructure(assemble(text), { ...options, readConstant })).toEqual([]);
    expect(checkStructure(assemble(text), options)).toHaveLength(1);
  });

  it('needs no stack', () => {
    const text = 'r1 = 0\nif r1 == 0 goto out\n*(u8 *)(r10 -600) = 0\nout: r0 = 0\nexit';
    expect(checkStructure(assemble(text), options)).toEqual([]);
  });
});

describe('findings', () => {
  it('are those of the first stage that has any, in the order of the program', () => {
    const code = assemble('goto pc+100\nr0 /= 0\ngoto pc-100\nexit');
    expect(checkStructure(code, options)).toEqual([jump(0, 101), jump(2, -97)]);
  });
});
