import { describe, expect, it } from 'vitest';
import { assemble } from '../../isa/index.ts';
import { readBtf } from '../reader.ts';
import type { Btf, Member, TypeId } from '../types.ts';
import { createBtfBuilder, type NewBtfType } from '../writer.ts';
import { POISON_HELPER } from './patch.ts';
import { createCoreCache, formatOutcome, relocate, type CoreInput } from './relocate.ts';
import { CORE_KINDS, type CoreKind, type CoreOutcome } from './types.ts';

const INT = 1;
const LONG = 2;
const INT_POINTER = 3;
const SIGNED_INT = 4;

const int = (name: string, size: number, signed = false): NewBtfType => ({
  kind: 'int',
  name,
  size,
  bits: size * 8,
  bitOffset: 0,
  signed,
  char: false,
  bool: false,
});
const COMMON: readonly NewBtfType[] = [
  int('unsigned int', 4),
  int('unsigned long', 8),
  { kind: 'ptr', name: '', type: INT },
  int('int', 4, true),
];

/** BTF with the four types above, and then these from id 5 on. */
const btf = (file: string, types: readonly NewBtfType[], base?: Btf): Btf => {
  const builder = createBtfBuilder(base);
  for (const type of base === undefined ? [...COMMON, ...types] : types) builder.add(type);
  return readBtf(builder.bytes(), { file, ...(base === undefined ? {} : { base }) });
};
const member = (name: string, type: TypeId, bitOffset: number, bitSize = 0): Member => ({
  name,
  type,
  bitOffset,
  bitSize,
});
const struct = (name: string, size: number, ...members: Member[]): NewBtfType => ({
  kind: 'struct',
  name,
  size,
  members,
});

interface Question {
  readonly kind: CoreKind;
  readonly access?: string;
  readonly typeId?: TypeId;
  readonly insn?: number;
}

const ask = (
  code: string,
  { kind, access = '0:0', typeId = 5, insn = 0 }: Question,
  input: Pick<CoreInput, 'local' | 'targets'> & Partial<CoreInput>,
): { outcome: CoreOutcome; code: Uint8Array } => {
  const relocations = [{ insn, typeId, access, kind: CORE_KINDS.indexOf(kind) }];
  const result = relocate({ code: assemble(code), relocations, ...input });
  const [outcome] = result.outcomes;
  if (outcome === undefined) throw new Error('no outcome');
  return { outcome, code: result.code };
};

const MOV_0 = 'r0 = 0\nexit';
const LOAD_0 = 'r0 = *(u32 *)(r1 + 0)\nexit';

describe('a relocation that cannot be done is explained', () => {
  const local = btf('policy.bpf.o', [
    struct('task_struct', 8, member('comn', INT, 0), member('pid', INT, 32)),
    struct('tsk_struct', 4, member('pid', INT, 0)),
    { kind: 'enum', name: 'mode', size: 4, signed: false, values: [{ name: 'REED', value: 1n }] },
  ]);
  const kernel = btf('vmlinux', [
    struct('task_struct', 16, member('comm', INT, 0), member('', 6, 32)),
    {
      kind: 'union',
      name: '',
      size: 8,
      members: [member('pid', INT_POINTER, 0), member('con', INT, 0)],
    },
    { kind: 'enum', name: 'mode', size: 4, signed: false, values: [{ name: 'READ', value: 1n }] },
  ]);
  const input = { local, targets: [kernel] };
  const rows: [name: string, question: Question, status: string, reason: string][] = [
    [
      'a missing field, with the nearest names, also those in anonymous members',
      { kind: 'byte_off' },
      'poisoned',
      'vmlinux: struct task_struct has no field comn (nearest: comm, con)',
    ],
    [
      'the same field asked for by a guard',
      { kind: 'field_exists' },
      'guarded',
      'vmlinux: struct task_struct has no field comn (nearest: comm, con)',
    ],
    [
      'a field of another type',
      { kind: 'byte_off', access: '0:1' },
      'poisoned',
      'vmlinux: field pid has an incompatible type: int unsigned int here, ptr <anon> there',
    ],
    [
      'a missing type',
      { kind: 'byte_off', typeId: 6 },
      'poisoned',
      'vmlinux: no struct tsk_struct (nearest: task_struct)',
    ],
    [
      'a guard on a missing type',
      { kind: 'type_exists', typeId: 6, access: '0' },
      'guarded',
      'vmlinux: no struct tsk_struct',
    ],
    [
      'a missing enumerator',
      { kind: 'enumval_value', typeId: 7, access: '0' },
      'poisoned',
      'vmlinux: enum mode has no enumerator REED (nearest: READ)',
    ],
    [
      'an access string that does not fit the type',
      { kind: 'byte_off', access: '0:7' },
      'error',
      'struct task_struct + 0:7: struct task_struct has 2 members, no member 7',
    ],
    [
      'an access string that is none',
      { kind: 'byte_off', access: '0:-1' },
      'error',
      'struct task_struct + 0:-1: access string "0:-1" is not a list of numbers',
    ],
    [
      'an access into a scalar',
      { kind: 'byte_off', access: '0:1:0' },
      'error',
      'struct task_struct + 0:1:0: step 0 of the access goes into int unsigned int',
    ],
    [
      'steps in a relocation of a type',
      { kind: 'type_exists', access: '0:1' },
      'error',
      'struct task_struct + 0:1: access string "0:1" of a relocation of a type is not "0"',
    ],
    [
      'an enumerator of a struct',
      { kind: 'enumval_value', access: '0' },
      'error',
      'struct task_struct + 0: struct task_struct has no enumerator 0',
    ],
    [
      'an instruction outside the program',
      { kind: 'byte_off', insn: 2 },
      'error',
      'instruction 2 is outside the program',
    ],
  ];
  it.each(rows)('%s', (_, question, status, reason) => {
    const code = status === 'guarded' ? 'r0 = 1\nexit' : LOAD_0;
    const { outcome } = ask(code, question, input);
    expect([outcome.status, outcome.reason]).toEqual([status, reason]);
  });

  it('an unknown kind', () => {
    const relocations = [{ insn: 0, typeId: 5, access: '0', kind: 13 }];
    const { outcomes } = relocate({ code: assemble(MOV_0), relocations, ...input });
    expect(outcomes[0]).toMatchObject({ status: 'error', reason: 'relocation kind 13 is unknown' });
  });

  it('names the source line that covers the instruction', () => {
    const line = { file: 'policy.bpf.c', column: 1 };
    const lines = [
      { ...line, insn: 0, line: 3, text: 'int f(struct task_struct *t)' },
      { ...line, insn: 1, line: 5, text: '\treturn t->comn;' },
      { ...line, insn: 3, line: 6, text: '}' },
    ];
    const code = `r6 = r1\nr0 = r1\n${LOAD_0}`;
    const { outcome } = ask(code, { kind: 'byte_off', insn: 2 }, { ...input, lines });
    expect(formatOutcome(outcome)).toBe(
      'insn 2: <byte_off> struct task_struct.comn (0:0 @ offset 0): poisoned: ' +
        'vmlinux: struct task_struct has no field comn (nearest: comm, con)\n' +
        '  policy.bpf.c:5: return t->comn;',
    );
  });

  it('a type id outside the BTF is a fault of the file', () => {
    expect(() => ask(MOV_0, { kind: 'byte_off', typeId: 99 }, input)).toThrow(
      /policy\.bpf\.o: BTF/,
    );
  });
});

describe('a poisoned instruction', () => {
  const local = btf('local', [struct('gone', 4, member('x', INT, 0))]);
  const input = { local, targets: [btf('vmlinux', [])] };
  const poisoned = `call unknown#${POISON_HELPER}`;

  it('becomes a call that the verifier refuses', () => {
    const { code } = ask(LOAD_0, { kind: 'byte_off' }, input);
    expect(code).toEqual(assemble(`${poisoned}\nexit`));
    expect(POISON_HELPER).toBe(195896080);
  });

  it('is poisoned in both halves of a 64-bit load', () => {
    const { code } = ask('r0 = 0 ll\nexit', { kind: 'byte_off' }, input);
    expect(code).toEqual(assemble(`${poisoned}\n${poisoned}\nexit`));
  });

  it('leaves the given code as it was', () => {
    const code = assemble(LOAD_0);
    relocate({ code, relocations: [{ insn: 0, typeId: 5, access: '0:0', kind: 0 }], ...input });
    expect(code).toEqual(assemble(LOAD_0));
  });
});

describe('an instruction that is not what the object says', () => {
  const local = btf('local', [struct('s', 8, member('pad', INT, 0), member('x', INT, 32))]);
  const kernel = btf('vmlinux', [struct('s', 16, member('x', INT, 64))]);
  const rows: [name: string, code: string, reason: RegExp][] = [
    [
      'another immediate',
      'r0 = 5',
      /immediate holds 5, but the object's own types say 4 \(new value 8\)/,
    ],
    ['another offset', 'r0 = *(u32 *)(r1 + 12)', /offset holds 12/],
    ['another wide immediate', 'r0 = 0x100000004 ll', /64-bit immediate holds 4294967300/],
    ['a register operand', 'r0 += r1', /has no immediate/],
    ['a jump', 'goto pc+0', /opcode 0x5 cannot be relocated/],
  ];
  it.each(rows)('%s', (_, code, reason) => {
    const { outcome, code: after } = ask(
      code,
      { kind: 'byte_off', access: '0:1' },
      { local, targets: [kernel] },
    );
    expect(outcome.status).toBe('error');
    expect(outcome.reason).toMatch(reason);
    expect(after).toEqual(assemble(code));
  });

  it('a wide load whose second half is cut off', () => {
    const code = assemble('r0 = 4 ll').subarray(0, 8);
    const relocations = [{ insn: 0, typeId: 5, access: '0:1', kind: 0 }];
    const { outcomes } = relocate({ code, relocations, local, targets: [kernel] });
    expect(outcomes[0]?.reason).toBe('the instruction is not a plain 64-bit immediate load');
  });

  it.each([
    'r0 = 4',
    'r0 += 4',
    'w0 = 4',
    'r0 = 4 ll',
    '*(u64 *)(r1 + 4) = r2',
    '*(u8 *)(r1 + 4) = 9',
  ])('but %s is fine', (code) => {
    const { outcome, code: after } = ask(
      code,
      { kind: 'byte_off', access: '0:1' },
      { local, targets: [kernel] },
    );
    expect(outcome.status).toBe('resolved');
    expect(after).toEqual(assemble(code.replace(/4(?!\d| \*)/, '8')));
  });
});

describe('where types are looked for', () => {
  const local = btf('local', [struct('thing', 4, member('x', INT, 0))]);
  const empty = btf('vmlinux', []);
  const kernel = btf('vmlinux', [struct('thing', 8, member('y', INT, 0))]);
  const thingAt = (bits: number): NewBtfType => struct('thing', 16, member('x', INT, bits));
  const offsetIn = (...targets: Btf[]): bigint | string => {
    const { outcome } = ask(LOAD_0, { kind: 'byte_off' }, { local, targets });
    return outcome.status === 'resolved'
      ? outcome.newValue
      : `${outcome.status}: ${outcome.reason}`;
  };

  it('in a module if the kernel has no type of the name', () => {
    expect(offsetIn(empty, btf('nf', [thingAt(32)], empty))).toBe(4n);
  });
  it('not in a module if the kernel has one, even one without the field', () => {
    expect(offsetIn(kernel, btf('nf', [thingAt(32)], kernel))).toMatch(
      /^poisoned: vmlinux: struct thing has no field x/,
    );
  });
  it('in all modules, which must agree', () => {
    const modules = [btf('a', [thingAt(32)], empty), btf('b', [thingAt(64)], empty)];
    expect(offsetIn(empty, ...modules)).toMatch(
      /^error: ambiguous: \[5\] struct thing\.x .* gives 4, \[5\] .* gives 8$/,
    );
  });
  it('nowhere without targets', () => {
    expect(offsetIn()).toBe('poisoned: the target: no struct thing');
  });
});

const question = (access: string, insn: number) => ({ insn, typeId: 5, access, kind: 2 });

describe('candidates of one name', () => {
  const local = btf('local', [struct('s', 8, member('a', INT, 0), member('b', INT, 32))]);
  const first = struct('s', 8, member('a', INT, 0));
  const second = struct('s___b', 8, member('b', INT, 32));
  const code = assemble('r0 = 1\nr1 = 1\nexit');
  const values = (input: Partial<CoreInput>): readonly bigint[] =>
    relocate({
      code,
      relocations: [question('0:0', 0), question('0:1', 1)],
      local,
      targets: [btf('vmlinux', [first, second])],
      ...input,
    }).outcomes.map(({ newValue }) => newValue);

  it('are dropped for the rest of the object once another one matched', () => {
    expect(values({})).toEqual([1n, 0n]);
    expect(values({ relocations: [question('0:1', 1), question('0:0', 0)] })).toEqual([1n, 0n]);
  });

  it('stay dropped for the next program of the object, if the cache is shared', () => {
    const cache = createCoreCache();
    const targets = [btf('vmlinux', [first, second])];
    expect(values({ cache, targets, relocations: [question('0:0', 0)] })).toEqual([1n]);
    expect(values({ cache, targets, relocations: [question('0:1', 1)] })).toEqual([0n]);
    expect(values({ targets, relocations: [question('0:1', 1)] })).toEqual([1n]);
  });

  it('are looked for anew when the targets change', () => {
    const cache = createCoreCache();
    expect(values({ cache })).toEqual([1n, 0n]);
    expect(values({ cache, targets: [btf('vmlinux', [second])] })).toEqual([0n, 1n]);
  });
});

const array = (element: TypeId, length: number): NewBtfType => ({
  kind: 'array',
  name: '',
  element,
  index: INT,
  length,
});

const load = (here: NewBtfType[], there: NewBtfType[], code: string) =>
  ask(code, { kind: 'byte_off' }, { local: btf('local', here), targets: [btf('vmlinux', there)] });

describe('sizes of loads', () => {
  it('follow the element of an array, not the array', () => {
    const here = [struct('s', 16, member('x', 6, 0)), array(INT, 4)];
    const there = [struct('s', 16, member('x', 6, 64)), array(INT, 2)];
    const { outcome, code } = load(here, there, LOAD_0);
    expect(outcome.status).toBe('resolved');
    expect(code).toEqual(assemble('r0 = *(u32 *)(r1 + 8)\nexit'));
  });

  it('must be what the field has in the object, if they are to change', () => {
    const here = [struct('s', 4, member('x', INT, 0))];
    const there = [struct('s', 8, member('x', LONG, 0))];
    expect(load(here, there, 'r0 = *(u8 *)(r1 + 0)\nexit').outcome.reason).toBe(
      'a field of 4 bytes is accessed with 1',
    );
    expect(load(here, there, LOAD_0).code).toEqual(assemble('r0 = *(u64 *)(r1 + 0)\nexit'));
  });

  it('must be ones that a load can have', () => {
    const there = [struct('s', 3, member('x', 6, 0)), int('int24', 3)];
    const here = [struct('s', 4, member('x', INT, 0))];
    expect(load(here, there, LOAD_0).outcome.reason).toBe('no load or store is 3 bytes wide');
  });

  it('do not change for signed integers, whose sign would be lost', () => {
    const here = [struct('s', 4, member('x', SIGNED_INT, 0))];
    const there = [struct('s', 8, member('x', LONG, 0))];
    const { outcome } = load(here, there, LOAD_0);
    expect(outcome).toMatchObject({
      status: 'poisoned',
      reason: expect.stringContaining('4 bytes here and 8 there'),
    });
  });
});

const enumType = (name: string, signed: boolean): NewBtfType => ({
  kind: 'enum',
  name,
  size: 4,
  signed,
  values: [{ name: 'A', value: signed ? -1n : 1n }],
});

describe('the sign of a field', () => {
  it.each([
    ['an unsigned enum', enumType('e', false), 0n],
    ['a signed enum', enumType('e', true), 1n],
  ])('of %s', (_, type, sign) => {
    const types = [struct('s', 4, member('x', 6, 0)), type];
    const input = { local: btf('local', types), targets: [btf('vmlinux', types)] };
    expect(ask(`r0 = ${sign}`, { kind: 'signed' }, input).outcome.newValue).toBe(sign);
  });
});

/** Each type holds the next one twice, so that a naive walk takes 2^depth steps. */
const tower = (depth: number, name: (level: number) => string): NewBtfType[] =>
  Array.from({ length: depth }, (_, i) =>
    i === depth - 1
      ? struct(name(i), 4, member('end', INT, 0))
      : struct(name(i), 8, member(name(i + 1), 6 + i, 0), member(name(i + 1), 6 + i, 32)),
  );

describe('hostile types end in time', () => {
  it('anonymous members that hold each other', () => {
    const local = btf('local', [struct('t', 4, member('missing', INT, 0))]);
    const kernel = btf(
      'vmlinux',
      tower(50, (i) => (i === 0 ? 't' : '')),
    );
    const { outcome } = ask(LOAD_0, { kind: 'byte_off' }, { local, targets: [kernel] });
    expect(outcome.status).toBe('poisoned');
  });

  it('a struct that holds itself', () => {
    const local = btf('local', [struct('t', 4, member('missing', INT, 0))]);
    const kernel = btf('vmlinux', [struct('t', 4, member('', 5, 0))]);
    const { outcome } = ask(LOAD_0, { kind: 'byte_off' }, { local, targets: [kernel] });
    expect(outcome).toMatchObject({
      status: 'error',
      reason: 'members are nested more than 64 deep',
    });
  });

  it('types whose members all match but the last', () => {
    const here = tower(30, (i) => `t${i}`);
    const there = [...here.slice(0, -1), struct('t29', 4, member('other', INT, 0))];
    const input = { local: btf('local', here), targets: [btf('vmlinux', there)] };
    const { outcome } = ask(MOV_0, { kind: 'type_matches', access: '0' }, input);
    expect(outcome).toMatchObject({
      status: 'error',
      reason: 'types refer to each other too often',
    });
  });
});
