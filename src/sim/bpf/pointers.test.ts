import { describe, expect, it } from 'vitest';
import { assemble, decode } from '../../isa/index.ts';
import { readBtf } from '../../btf/index.ts';
import { openKernelImage } from '../../node/index.ts';
import { bootFake } from './testdata/fake-host.ts';
import { pointerUses } from './pointers.ts';

/** Loads by slot; slot 0 of the context holds a trusted pointer. */
const uses = (code: string) => pointerUses(decode(assemble(code)), (slot) => slot === 0);
const probes = (code: string): number[] => [...uses(code).probes];

describe('loads that tolerate bad addresses', () => {
  it.each([
    [
      'of the context and a trusted argument: none',
      'r1 = *(u64 *)(r1 +0)\nr2 = *(u64 *)(r1 +8)',
      [],
    ],
    ['through an untrusted argument', 'r1 = *(u64 *)(r1 +8)\nr2 = *(u64 *)(r1 +8)', [1]],
    [
      'through a pointer read from memory',
      'r1 = *(u64 *)(r1 +0)\nr2 = *(u64 *)(r1 +8)\nr0 = *(u32 *)(r2 +4)',
      [2],
    ],
    [
      'of the stack: none',
      '*(u64 *)(r10 -8) = r1\nr2 = *(u64 *)(r10 -8)\nr3 = *(u64 *)(r2 +0)',
      [],
    ],
    [
      'through a spilled pointer read from memory',
      'r2 = *(u64 *)(r1 +8)\n*(u64 *)(r10 -8) = r2\nr3 = *(u64 *)(r10 -8)\nr4 = *(u8 *)(r3 +0)',
      [3],
    ],
    ['of a map value: none', 'call bpf_map_lookup_elem#1\nr0 += 8\nr1 = *(u64 *)(r0 +0)', []],
    ['through half a pointer', 'r6 = *(u64 *)(r1 +0)\nw6 = w6\nr1 = *(u64 *)(r6 +0)', [2]],
    [
      'behind a call that clobbers',
      'r2 = *(u64 *)(r1 +0)\ncall bpf_ktime_get_ns#5\nr1 = *(u64 *)(r2 +0)',
      [2],
    ],
  ])('%s', (_title, code, expected) => {
    expect(probes(`${code}\nr0 = 0\nexit`)).toEqual(expected);
  });

  it('are known only where all paths agree', () => {
    const code = `r6 = *(u64 *)(r1 +0)\nr7 = *(u64 *)(r1 +8)\nif r7 == 0 goto join\nr6 = r7
      join: r0 = *(u32 *)(r6 +0)\nr0 = 0\nexit`;
    expect(probes(code)).toEqual([4]);
  });

  it('treat arguments of functions of the program as unknown', () => {
    expect(probes('call f\nexit\nf: r0 = *(u64 *)(r1 +0)\nexit')).toEqual([2]);
  });
});

describe('stores into kernel objects', () => {
  it.each([
    ['a trusted argument', 'r1 = *(u64 *)(r1 +0)\n*(u32 *)(r1 +8) = 1', [1]],
    ['what it points to', 'r1 = *(u64 *)(r1 +0)\nr1 = *(u64 *)(r1 +0)\n*(u64 *)(r1 +8) = r2', [2]],
    ['a map value: fine', 'call bpf_map_lookup_elem#1\n*(u32 *)(r0 +0) = 1', []],
    ['the context: fine', '*(u64 *)(r1 +0) = 1', []],
    [
      'the stack, past an index that was read: fine',
      'r6 = *(u64 *)(r1 +0)\nr6 = *(u64 *)(r6 +0)\nr7 = r10\nr6 += r7\n*(u8 *)(r6 -9) = 1',
      [],
    ],
  ])('%s', (_title, code, expected) => {
    expect(uses(`${code}\nr0 = 0\nexit`).objectStores).toEqual(expected);
  });
});

it('a NULL trusted argument, which crashes Linux, is a fault that the decision tells', () => {
  const btf = readBtf(openKernelImage('6.12').btf, { file: 'vmlinux' });
  const { host, load, attach } = bootFake(btf, '6.12.95');
  attach(load('mmap_file', 'r1 = *(u64 *)(r1 +0)\nr0 = *(u64 *)(r1 +32)\nr0 = 0\nexit'));
  const { result, decision } = host.lsm.fire('mmap_file', [null, 0, 0, 0]);
  expect(result).toBe(0);
  expect(decision.programs[0]?.fault).toMatch(/\S/);
});

describe('tests of trusted pointers for NULL', () => {
  const tests = (code: string): readonly number[] => uses(`${code}\nr0 = 0\nexit`).nullTests;

  it.each([
    ['of a trusted argument', 'r1 = *(u64 *)(r1 +0)\nif r1 == 0 goto pc+0', [1]],
    ['of an untrusted one: stays', 'r1 = *(u64 *)(r1 +8)\nif r1 == 0 goto pc+0', []],
    [
      'of what it points to: stays',
      'r1 = *(u64 *)(r1 +0)\nr1 = *(u64 *)(r1 +0)\nif r1 == 0 goto pc+0',
      [],
    ],
    ['of its low half: stays', 'r1 = *(u64 *)(r1 +0)\nif w1 == 0 goto pc+0', []],
    ['with another number: stays', 'r1 = *(u64 *)(r1 +0)\nif r1 == 1 goto pc+0', []],
    ['of a looked up value: stays', 'call bpf_map_lookup_elem#1\nif r0 == 0 goto pc+0', []],
  ])('%s', (_title, code, expected) => {
    expect(tests(code)).toEqual(expected);
  });

  it.each([
    ['6.12', 'if r1 == 0', 0],
    ['6.12', 'if r1 != 0', -13],
    ['6.1', 'if r1 == 0', -13],
    ['6.1', 'if r1 != 0', 0],
  ])('on %s, `%s` of a NULL argument decides as on Linux', (series, test, result) => {
    const image = openKernelImage(series);
    const btf = readBtf(image.btf, { file: series });
    const { host, load, attach } = bootFake(btf, image.release ?? series);
    attach(
      load(
        'mmap_file',
        `r1 = *(u64 *)(r1 +0)\nr0 = 0\n${test} goto deny\nexit\ndeny: r0 = -13\nexit`,
      ),
    );
    expect(host.lsm.fire('mmap_file', [null, 0, 0, 0]).result).toBe(result);
  });
});
