import { describe, expect, it } from 'vitest';
import { CHAR, INT, LONG, member, open, UINT } from '../testdata/types.ts';
import type { NewBtfType } from '../writer.ts';
import { printStaticAsserts } from './asserts.ts';
import { printC } from './print.ts';

/** The definitions alone, without the frame of the header and the empty lines between them. */
const definitions = (types: readonly NewBtfType[]): string =>
  printC(open(types))
    .split('#endif\n')[1]!
    .replace('#ifndef BPF_NO_PRESERVE_ACCESS_INDEX\n#pragma clang attribute pop\n', '')
    .replaceAll(/\n\n/g, '\n')
    .trim();

type Members = ReturnType<typeof member>[];
const composite = (kind: 'struct' | 'union', name: string, size: number, members: Members) =>
  ({ kind, name, size, members }) satisfies NewBtfType;
const struct = (name: string, size: number, ...members: Members): NewBtfType =>
  composite('struct', name, size, members);
const union = (name: string, size: number, ...members: Members): NewBtfType =>
  composite('union', name, size, members);
const ptr = (type: number): NewBtfType => ({ kind: 'ptr', name: '', type });
const typedef = (name: string, type: number): NewBtfType => ({ kind: 'typedef', name, type });
const fwd = (name: string, of: 'struct' | 'union' = 'struct'): NewBtfType => ({
  kind: 'fwd',
  name,
  of,
});
const array = (element: number, length: number): NewBtfType => ({
  kind: 'array',
  name: '',
  element,
  index: 1,
  length,
});
const enumeration = (name: string, size: number, ...values: [string, bigint][]): NewBtfType => ({
  kind: size === 8 ? 'enum64' : 'enum',
  name,
  size,
  signed: values.some(([, value]) => value < 0n),
  values: values.map(([name, value]) => ({ name, value })),
});
const takes = (returns: number, ...types: number[]): NewBtfType => ({
  kind: 'func_proto',
  name: '',
  returns,
  params: types.map((type) => ({ name: '', type })),
});

describe('printC', () => {
  it('frames the definitions as bpftool does', () => {
    expect(printC(open([INT, typedef('s32', 1)]))).toBe(`#ifndef __VMLINUX_H__
#define __VMLINUX_H__

#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)
#endif

typedef int s32;

#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute pop
#endif

#endif /* __VMLINUX_H__ */
`);
  });

  it.each<[string, NewBtfType[], string]>([
    [
      'members',
      [INT, struct('s', 8, member('a', 1, 0), member('b', 1, 32))],
      'struct s {\n\tint a;\n\tint b;\n};',
    ],
    ['an empty struct', [struct('s', 0)], 'struct s {\n};'],
    [
      'a struct that points to itself',
      [ptr(2), struct('s', 8, member('next', 1, 0))],
      'struct s {\n\tstruct s *next;\n};',
    ],
    [
      'structs that point to each other',
      [ptr(4), ptr(3), struct('a', 8, member('b', 1, 0)), struct('b', 8, member('a', 2, 0))],
      'struct b;\nstruct a {\n\tstruct b *b;\n};\nstruct b {\n\tstruct a *a;\n};',
    ],
    [
      'what is needed by value first',
      [INT, struct('outer', 4, member('in', 3, 0)), struct('inner', 4, member('x', 1, 0))],
      'struct inner {\n\tint x;\n};\nstruct outer {\n\tstruct inner in;\n};',
    ],
    [
      'anonymous structs and unions in place',
      [INT, union('', 4, member('x', 1, 0)), struct('s', 8, member('', 2, 0), member('u', 2, 32))],
      'struct s {\n\tunion {\n\t\tint x;\n\t};\n\tunion {\n\t\tint x;\n\t} u;\n};',
    ],
    [
      'a typedef of an anonymous struct',
      [INT, struct('', 4, member('x', 1, 0)), typedef('s_t', 2)],
      'typedef struct {\n\tint x;\n} s_t;',
    ],
    [
      'a typedef of a struct that follows',
      [typedef('s_t', 2), struct('s', 0)],
      'struct s;\ntypedef struct s s_t;\nstruct s {\n};',
    ],
    ['chains of typedefs', [typedef('b', 2), typedef('a', 3), INT], 'typedef int a;\ntypedef a b;'],
    [
      'pointers to functions and arrays of them',
      [takes(0, 4), ptr(1), array(2, 3), INT, struct('ops', 24, member('f', 3, 0))],
      'struct ops {\n\tvoid (*f[3])(int);\n};',
    ],
    [
      'a flexible array',
      [INT, array(1, 0), struct('s', 4, member('n', 1, 0), member('x', 2, 32))],
      'struct s {\n\tint n;\n\tint x[0];\n};',
    ],
    [
      'a declaration without a definition',
      [fwd('hidden'), ptr(1), typedef('p', 2)],
      'struct hidden;\ntypedef struct hidden *p;',
    ],
    [
      'a forward declaration of what is there',
      [fwd('s'), ptr(1), typedef('p', 2), struct('s', 0)],
      'struct s;\ntypedef struct s *p;\nstruct s {\n};',
    ],
    [
      'qualifiers',
      [
        { kind: 'const', name: '', type: 2 },
        CHAR,
        ptr(1),
        { kind: 'const', name: '', type: 3 },
        typedef('t', 4),
      ],
      'typedef const char *const t;',
    ],
    [
      'type tags',
      [
        { kind: 'type_tag', name: 'user', type: 2, attribute: false },
        CHAR,
        ptr(1),
        typedef('t', 3),
      ],
      'typedef char __attribute__((btf_type_tag("user"))) *t;',
    ],
  ])('%s', (_, types, text) => {
    expect(definitions(types)).toBe(text);
  });

  it.each<[string, NewBtfType[], string]>([
    [
      'a hole',
      [INT, struct('s', 12, member('a', 1, 0), member('b', 1, 64))],
      'int a; int: 32; int b;',
    ],
    [
      'a tail',
      [INT, struct('s', 64, member('a', 1, 0))],
      'int a; int: 32; long: 64; long: 64; long: 64; long: 64; long: 64; long: 64; long: 64;',
    ],
    [
      'a long tail',
      [INT, struct('s', 128, member('a', 1, 0))],
      'int a; unsigned char ___pad0[124];',
    ],
    [
      'no hole where C leaves one',
      [CHAR, INT, struct('s', 8, member('a', 1, 0), member('b', 2, 32))],
      'char a; int b;',
    ],
    [
      'bitfields',
      [INT, struct('s', 4, member('a', 1, 0, 3), member('b', 1, 3, 29))],
      'int a: 3; int b: 29;',
    ],
    [
      'a hole between bitfields',
      [INT, struct('s', 4, member('a', 1, 0, 3), member('b', 1, 5, 2))],
      'int a: 3; char: 2; int b: 2;',
    ],
    [
      'a bitfield in the next unit',
      [INT, struct('s', 8, member('a', 1, 0, 3), member('b', 1, 32, 2))],
      'int a: 3; int: 0; int b: 2;',
    ],
    [
      'a bitfield that C moves itself',
      [INT, struct('s', 8, member('a', 1, 0, 30), member('b', 1, 32, 3))],
      'int a: 30; int b: 3;',
    ],
    [
      'a bitfield by the type of its member, as before Linux 4.20',
      [{ ...UINT, bits: 3, bitOffset: 2 }, struct('s', 4, member('a', 1, 0))],
      'char: 2; unsigned int a: 3;',
    ],
    ['a larger union', [INT, union('u', 8, member('a', 1, 0))], 'int a; unsigned char ___pad0[8];'],
  ])('keeps places: %s', (_, types, body) => {
    const text = definitions(types).replaceAll(/\n\t?/g, ' ');
    expect(text).toMatch(/^(struct|union) . \{ /);
    expect(text.slice(text.indexOf('{') + 2)).toBe(`${body} };`);
  });

  it.each<[string, NewBtfType[]]>([
    ['a long after an int', [INT, LONG, struct('s', 12, member('a', 1, 0), member('b', 2, 32))]],
    ['an odd size', [INT, CHAR, struct('s', 5, member('a', 1, 0), member('b', 2, 32))]],
    ['a bitfield across units', [INT, struct('s', 8, member('a', 1, 24, 12))]],
    ['a bitfield across bytes', [CHAR, struct('s', 2, member('a', 1, 3, 7))]],
  ])('packs a struct that only so has its layout: %s', (_, types) => {
    expect(definitions(types)).toMatch(/\n\} __attribute__\(\(packed\)\);$/);
  });

  it.each<[string, NewBtfType[], string]>([
    [
      'plain',
      [enumeration('e', 4, ['A', 0n], ['B', 4294967295n])],
      'enum e {\n\tA = 0,\n\tB = 4294967295,\n};',
    ],
    ['negative', [enumeration('e', 4, ['A', -1n])], 'enum e {\n\tA = -1,\n};'],
    [
      'of a byte',
      [enumeration('e', 1, ['A', 1n])],
      'enum e {\n\tA = 1,\n} __attribute__((mode(QI)));',
    ],
    [
      'of 64 bits',
      [enumeration('e', 8, ['A', 1n << 40n])],
      'enum e {\n\tA = 1099511627776ULL,\n};',
    ],
    [
      'of 64 bits with small values',
      [enumeration('e', 8, ['A', -1n])],
      'enum e {\n\tA = -1LL,\n} __attribute__((mode(DI)));',
    ],
    ['declared only', [enumeration('e', 4)], 'enum e : unsigned int;'],
    ['anonymous and in no type', [enumeration('', 4, ['A', 0n])], 'enum {\n\tA = 0,\n};'],
    [
      'anonymous and in two types',
      [enumeration('', 4, ['A', 0n]), typedef('a', 1), typedef('b', 1)],
      'typedef enum {\n\tA = 0,\n} a;\ntypedef unsigned int b;',
    ],
  ])('enums: %s', (_, types, text) => {
    expect(definitions(types)).toBe(text);
  });

  it.each<[string, NewBtfType[], RegExp]>([
    ['structs', [struct('s', 0), struct('s', 0)], /struct s \{\n\};\nstruct s___2 \{/],
    ['a struct and a union', [struct('s', 0), union('s', 0)], /struct s \{\n\};\nunion s___2 \{/],
    [
      'typedefs',
      [INT, typedef('t', 1), typedef('t', 1), typedef('t', 1)],
      /int t;\n.* t___2;\n.* t___3;/,
    ],
    [
      'enumerators',
      [enumeration('a', 4, ['A', 0n]), enumeration('b', 4, ['A', 1n])],
      /A = 0,[^]*A___2 = 1,/,
    ],
    [
      'a name that is taken by a suffix',
      [INT, typedef('t', 1), typedef('t___2', 1), typedef('t', 1)],
      /t;\n.* t___2;\n.* t___3;/,
    ],
    [
      'names of the compiler',
      [CHAR, typedef('__builtin_va_list', 1)],
      /typedef char __builtin_va_list___2;/,
    ],
    ['words of C', [INT, struct('s', 4, member('inline', 1, 0))], /int inline___2;/],
    ['names that C cannot spell', [INT, typedef('Option<u8>', 1)], /typedef int Option_u8_;/],
    [
      'a forward declaration of another kind',
      [fwd('s', 'union'), ptr(1), typedef('p', 2), struct('s', 0)],
      /union s___2;\ntypedef union s___2 \*p;\nstruct s \{/,
    ],
    [
      'integers that C does not have',
      [{ ...UINT, name: 'ssizetype', size: 8, bits: 64, signed: true }, typedef('t', 1)],
      /typedef long t;/,
    ],
    [
      'integers of another size',
      [{ ...UINT, name: 'long unsigned int' }, typedef('t', 1)],
      /typedef unsigned int t;/,
    ],
  ])('name clashes: %s', (_, types, text) => {
    expect(definitions(types)).toMatch(text);
  });

  it.each<[string, NewBtfType[], RegExp]>([
    [
      'a struct in itself',
      [struct('s', 4, member('a', 1, 0))],
      /type 1 contains itself|refers to itself/,
    ],
    [
      'members on top of each other',
      [INT, struct('s', 8, member('a', 1, 0), member('b', 1, 8))],
      /members of struct 2 overlap/,
    ],
    [
      'an int of three bytes',
      [{ ...INT, name: 'i24', size: 3, bits: 24 }, typedef('t', 1)],
      /3 bytes, which C does not have/,
    ],
    [
      'a member that is a function',
      [takes(0), struct('s', 0, member('f', 1, 0))],
      /func_proto, which has no size/,
    ],
  ])('refuses what C cannot say: %s', (_, types, rule) => {
    expect(() => printC(open(types))).toThrow(rule);
  });
});

describe('printStaticAsserts', () => {
  it('asserts sizes and offsets, those of anonymous parts too', () => {
    const types = [
      INT,
      struct('', 8, member('x', 1, 0), member('y', 1, 32)),
      struct(
        's',
        24,
        member('bit', 1, 0, 1),
        member('', 2, 32),
        member('in', 2, 96),
        member('z', 1, 160),
      ),
      typedef('t', 2),
    ];
    expect(printStaticAsserts(open(types)).replaceAll(/_Static_assert\((.*), ".*"\);/g, '$1')).toBe(
      `sizeof(struct s) == 24
__builtin_offsetof(struct s, x) == 4
__builtin_offsetof(struct s, y) == 8
__builtin_offsetof(struct s, in) == 12
__builtin_offsetof(struct s, in.x) == 12
__builtin_offsetof(struct s, in.y) == 16
__builtin_offsetof(struct s, z) == 20
sizeof(t) == 8
__builtin_offsetof(t, x) == 0
__builtin_offsetof(t, y) == 4
`,
    );
  });
});
