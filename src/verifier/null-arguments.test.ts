import { describe, expect, it } from 'vitest';
import { createBtfBuilder, readBtf } from '../btf/index.ts';
import { assemble } from '../isa/index.ts';
import { describeNullTrap, findNullTraps } from './null-arguments.ts';

const scan = (text: string, hook = 'mmap_file'): string[] =>
  findNullTraps(assemble(text), hook).map((t) => `${t.insn} ${t.argument} ${t.use}`);

const cases: [name: string, program: string, traps: string[], hook?: string][] = [
  [
    'a test of the argument',
    `r1 = *(u64 *)(r1 +0)
     if r1 == 0x0 goto allow
     r0 = -13
     exit
     allow: r0 = 0
     exit`,
    ['1 file tested'],
  ],
  [
    'a test of a copy that went through the stack',
    `r6 = r1
     r2 = *(u64 *)(r6 +0)
     *(u64 *)(r10 -8) = r2
     r3 = *(u64 *)(r10 -8)
     if r3 != 0x0 goto pc+0
     r0 = 0
     exit`,
    ['4 file tested'],
  ],
  [
    'a read through the argument',
    `r1 = *(u64 *)(r1 +0)
     r0 = *(u32 *)(r1 +16)
     r0 = 0
     exit`,
    ['1 file read'],
  ],
  [
    'only the first of several reads',
    `r6 = *(u64 *)(r1 +0)
     r0 = *(u32 *)(r6 +16)
     r0 = *(u32 *)(r6 +20)
     exit`,
    ['1 file read'],
  ],
  [
    'a test in a subprogram',
    `r1 = *(u64 *)(r1 +0)
     call sub
     exit
     sub: r0 = 0
     if r1 == 0x0 goto pc+0
     exit`,
    ['4 file tested'],
  ],
  [
    'another argument of another hook',
    `r2 = *(u64 *)(r1 +24)
     if r2 == 0x0 goto pc+0
     r0 = 0
     exit`,
    ['1 cred tested'],
    'task_kill',
  ],
];

const harmless: [name: string, program: string, hook?: string][] = [
  [
    'the raw argument is copied and tested, as it should be',
    `r6 = r1
     r1 = r10
     r1 += -8
     r2 = 8
     r3 = r6
     call bpf_probe_read_kernel#113
     r1 = *(u64 *)(r10 -8)
     r0 = 0
     if r1 == 0x0 goto pc+2
     r1 = *(u64 *)(r6 +0)
     r1 = *(u64 *)(r1 +16)
     exit`,
  ],
  [
    'another argument is tested',
    `r1 = *(u64 *)(r1 +8)
     if r1 == 0x0 goto pc+0
     r0 = 0
     exit`,
  ],
  [
    'the register has another value by then',
    `r1 = *(u64 *)(r1 +0)
     r1 = 5
     if r1 == 0x0 goto pc+0
     r0 = 0
     exit`,
  ],
  [
    'a call has clobbered it',
    `r1 = *(u64 *)(r1 +0)
     call bpf_get_smp_processor_id#8
     if r1 == 0x0 goto pc+0
     exit`,
  ],
  [
    'paths disagree on what the register holds',
    `r2 = *(u64 *)(r1 +8)
     r3 = *(u64 *)(r1 +0)
     if r2 == 0x1 goto other
     r4 = r3
     goto join
     other: r4 = 1
     join: r0 = 0
     if r4 == 0x0 goto pc+0
     exit`,
  ],
  [
    'the hook passes no NULL',
    `r1 = *(u64 *)(r1 +0)
     if r1 == 0x0 goto pc+0
     r0 = 0
     exit`,
    'file_open',
  ],
];

describe('an argument that may be NULL', () => {
  it.each(cases)('is a trap: %s', (_, program, traps, hook) => {
    expect(scan(program, hook)).toEqual(traps);
  });

  it.each(harmless)('is none when %s', (_, program, hook) => {
    expect(scan(program, hook)).toEqual([]);
  });

  it('is none on a kernel that marks it', () => {
    const builder = createBtfBuilder();
    const file = builder.add({ kind: 'fwd', name: 'file', of: 'struct' });
    const type = builder.add({ kind: 'ptr', name: '', type: file });
    const params = [{ name: 'file__nullable', type }];
    const proto = builder.add({ kind: 'func_proto', name: '', returns: 0, params });
    builder.add({ kind: 'func', name: 'bpf_lsm_mmap_file', type: proto, linkage: 'global' });
    const kernel = readBtf(builder.bytes(), { file: 'test' });
    const [, program = ''] = cases[0] ?? [];
    expect(findNullTraps(assemble(program), 'mmap_file', kernel)).toEqual([]);
  });

  it('is explained with the way around it', () => {
    const trap = { insn: 1, argument: 'file', index: 0, use: 'tested' } as const;
    expect(describeNullTrap(trap, 'mmap_file')).toBe(
      "the test of 'file' for NULL is removed when the program is loaded: Linux takes this argument of " +
        'mmap_file for a pointer, though callers pass NULL. Read the raw argument instead: ' +
        'bpf_probe_read_kernel(&value, 8, ctx + 0), and test value.',
    );
  });
});
