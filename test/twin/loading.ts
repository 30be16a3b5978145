import { BPF_ATTACH_TYPE, BPF_PROG_TYPE } from 'krsi/abi';
import type { ProgLoadAttr } from 'krsi/kernel';
import { policyTests, type TestFunction } from 'krsi/testing';
import { always, lsmProgram, type HookProgram } from './programs.ts';

type Row = readonly [name: string, program: HookProgram];

const returning = (hook: string, result: number): HookProgram => always(hook, result);

/** Programs that Linux judges by their attributes and target. */
const TARGETS: readonly Row[] = [
  ['GPL', returning('inode_unlink', 0)],
  [
    'a licence that is not compatible with the GPL',
    { ...returning('inode_unlink', 0), license: 'Apache-2.0' },
  ],
  ['an empty licence', { ...returning('inode_unlink', 0), license: '' }],
  ['Dual BSD/GPL', { ...returning('inode_unlink', 0), license: 'Dual BSD/GPL' }],
  ['GPL v2', { ...returning('inode_unlink', 0), license: 'GPL v2' }],
  [
    'GPL-2.0, which the kernel does not know',
    { ...returning('inode_unlink', 0), license: 'GPL-2.0' },
  ],
  ['a disabled hook', returning('inode_listsecurity', 0)],
  ['a disabled hook that returns a boolean', returning('ismaclabel', 0)],
  ['a sleepable program on a sleepable hook', { ...returning('file_open', 0), sleepable: true }],
  [
    'a sleepable program on a hook that is not',
    { ...returning('file_mprotect', 0), sleepable: true },
  ],
  [
    'a sleepable program on inode_permission',
    { ...returning('inode_permission', 0), sleepable: true },
  ],
  ['a hook that is not there', returning('no_such_hook', 0)],
  ['a name with a character that is not allowed', { ...returning('inode_unlink', 0), name: 'a-b' }],
  ['a name of 15 characters', { ...returning('inode_unlink', 0), name: 'abcdefghijklmno' }],
  ['no instructions', { ...returning('inode_unlink', 0), attr: { insns: new Uint8Array(0) } }],
  [
    'an expected attach type of another kind',
    { ...returning('inode_unlink', 0), attr: { expectedAttachType: BPF_ATTACH_TYPE.TRACE_FENTRY } },
  ],
  ['no expected attach type', { ...returning('inode_unlink', 0), attr: { expectedAttachType: 0 } }],
  [
    'an attach target that does not exist',
    { ...returning('inode_unlink', 0), attr: { attachBtfId: 0x7fffff } },
  ],
  [
    'an attach target that is no function',
    { ...returning('inode_unlink', 0), attr: { attachBtfId: 1 } },
  ],
  ['unknown flags', { ...returning('inode_unlink', 0), attr: { progFlags: 1 << 30 } }],
  ['an unknown program type', { ...returning('inode_unlink', 0), attr: { progType: 9999 } }],
];

const code = (hook: string, text: string): HookProgram => ({ hook, code: text });

/** Code that the verifier judges without following values. */
const STRUCTURE: readonly Row[] = [
  ['no exit', code('inode_unlink', 'r0 = 0')],
  ['R0 not set at exit', code('inode_unlink', 'exit')],
  ['a jump out of the program', code('inode_unlink', 'goto pc+5\nr0 = 0\nexit')],
  ['a jump into a 64-bit immediate', code('inode_unlink', 'r0 = 0\ngoto pc+1\nr1 = 1 ll\nexit')],
  ['code that is not reached', code('inode_unlink', 'r0 = 0\nexit\nr0 = 1\nexit')],
  ['a loop without end', code('inode_unlink', 'r0 = 0\nagain: goto again\nexit')],
  ['division by zero', code('inode_unlink', 'r0 = 1\nr0 /= 0\nexit')],
  ['a shift by 64', code('inode_unlink', 'r0 = 1\nr0 <<= 64\nexit')],
  ['a write to R10', code('inode_unlink', 'r10 = 0\nr0 = 0\nexit')],
  ['an unknown helper', code('inode_unlink', 'call bpf_unknown#9999\nexit')],
  [
    'a helper that LSM programs may not call',
    code('inode_unlink', 'call bpf_skb_load_bytes#26\nexit'),
  ],
];

/** What R0 may be at exit, which only kernels from 6.12 on look at. */
const RANGES: readonly Row[] = [
  ...[0, -1, -13, -4095, -4096, 1, 2].map((result): Row => [
    `int hook: ${result}`,
    returning('inode_unlink', result),
  ]),
  ...[0, 1, 2, -1].map((result): Row => [
    `boolean hook: ${result}`,
    returning('inode_xattr_skipcap', result),
  ]),
  ...[0, 1, -1, 77].map((result): Row => [
    `void hook: ${result}`,
    returning('inode_free_security', result),
  ]),
  ...[0, -1, -38, 1].map((result): Row => [
    `task_prctl: ${result}`,
    returning('task_prctl', result),
  ]),
  ['a number that nobody knows', code('inode_unlink', 'call bpf_get_prandom_u32\nexit')],
];

/** What paths of values decide. */
const VALUES: readonly Row[] = [
  ['reads its first argument', code('inode_unlink', 'r2 = *(u64 *)(r1 + 0)\nr0 = 0\nexit')],
  ['reads an argument with 4 bytes', code('inode_unlink', 'r2 = *(u32 *)(r1 + 0)\nr0 = 0\nexit')],
  ['reads beyond its arguments', code('inode_unlink', 'r2 = *(u64 *)(r1 + 64)\nr0 = 0\nexit')],
  ['reads what it did not write', code('inode_unlink', 'r0 = *(u64 *)(r10 - 8)\nr0 = 0\nexit')],
  ['writes below its stack', code('inode_unlink', '*(u64 *)(r10 - 520) = 0\nr0 = 0\nexit')],
  ['uses a register that is not set', code('inode_unlink', 'r0 = r7\nexit')],
  ['returns a pointer', code('inode_unlink', 'r0 = r10\nexit')],
  ['writes to its context', code('inode_unlink', '*(u64 *)(r1 + 0) = 0\nr0 = 0\nexit')],
  [
    'writes to a kernel object',
    code('inode_unlink', 'r2 = *(u64 *)(r1 + 0)\n*(u64 *)(r2 + 0) = 0\nr0 = 0\nexit'),
  ],
  [
    'calls with a wrong argument',
    code('inode_unlink', 'r1 = 5\nr2 = 5\ncall bpf_map_lookup_elem\nr0 = 0\nexit'),
  ],
];

function rows(test: TestFunction, title: string, table: readonly Row[]): void {
  test(title, async ({ boot }) => {
    const machine = await boot();
    const loader = await machine.kernel.spawn({ comm: 'loader' });
    for (const [name, program] of table) {
      const attr: ProgLoadAttr = await lsmProgram(machine, program);
      const progName = program.name ?? name.replaceAll(/[^a-z0-9]+/gi, '_').slice(0, 15);
      await loader.bpf('PROG_LOAD', { ...attr, progName });
    }
  });
}

export default policyTests((test) => {
  rows(test, 'attributes and targets of a load', TARGETS);
  rows(test, 'the structure of a program', STRUCTURE);
  rows(test, 'what a program may return', RANGES);
  rows(test, 'values on the paths of a program', VALUES);

  test('who may load', async ({ boot }) => {
    const machine = await boot();
    const attr = await lsmProgram(machine, returning('inode_unlink', 0));
    const capsets = [
      [],
      ['CAP_BPF'],
      ['CAP_PERFMON'],
      ['CAP_BPF', 'CAP_PERFMON'],
      ['CAP_SYS_ADMIN'],
    ];
    for (const caps of capsets) {
      const task = await machine.kernel.spawn({ uid: 1000, caps });
      await task.bpf('PROG_LOAD', attr);
      await task.bpf('MAP_CREATE', { mapType: 2, keySize: 4, valueSize: 4, maxEntries: 1 });
      await task.bpf('PROG_LOAD', {
        ...attr,
        progType: BPF_PROG_TYPE.SOCKET_FILTER,
        expectedAttachType: 0,
        attachBtfId: 0,
      });
    }
  });

  test('who may go through the ids', async ({ boot }) => {
    const { kernel } = await boot();
    for (const caps of [[], ['CAP_BPF', 'CAP_PERFMON'], ['CAP_SYS_ADMIN']]) {
      const task = await kernel.spawn({ uid: 1000, caps });
      await task.bpf('PROG_GET_FD_BY_ID', { progId: 0x7fffff00 });
      await task.bpf('MAP_GET_FD_BY_ID', { mapId: 0x7fffff00 });
      await task.bpf('LINK_GET_FD_BY_ID', { linkId: 0x7fffff00 });
    }
  });
});
