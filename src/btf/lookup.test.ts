import { describe, expect, it } from 'vitest';
import { formatType } from './c/format.ts';
import { findMember, funcProto } from './lookup.ts';
import { CHAR, INT, LONG, member, open } from './testdata/types.ts';
import type { NewBtfType } from './writer.ts';

describe('findMember', () => {
  const btf = open([
    INT,
    {
      kind: 'struct',
      name: 'path',
      size: 8,
      members: [member('mnt', 1, 0), member('dentry', 1, 32)],
    },
    { kind: 'typedef', name: 'path_t', type: 2 },
    { kind: 'union', name: '', size: 8, members: [member('f_path', 3, 0), member('__path', 2, 0)] },
    {
      kind: 'struct',
      name: 'file',
      size: 24,
      members: [member('mode', 1, 0, 3), member('', 4, 64), member('end', 1, 128)],
    },
    { kind: 'const', name: '', type: 5 },
    { kind: 'struct', name: 'self', size: 0, members: [member('', 7, 0), member('x', 1, 8)] },
  ]);
  it.each<[string, number, string, object | undefined]>([
    ['a member', 5, 'end', { type: 1, bitOffset: 128, bitSize: 0 }],
    ['a bitfield', 5, 'mode', { type: 1, bitOffset: 0, bitSize: 3 }],
    ['one of an anonymous union', 5, 'f_path', { name: 'f_path', type: 3, bitOffset: 64 }],
    ['one through a typedef', 5, 'f_path.dentry', { name: 'dentry', bitOffset: 96 }],
    ['one of a const struct', 6, '__path.mnt', { bitOffset: 64 }],
    ['one beside the struct itself', 7, 'x', { bitOffset: 8 }],
    ['no such member', 5, 'f_inode', undefined],
    ['no member of an int', 5, 'end.x', undefined],
    ['no name', 5, '', undefined],
  ])('%s', (_, id, path, expected) => {
    const found = findMember(btf, id, path);
    if (expected === undefined) expect(found).toBeUndefined();
    else expect(found).toMatchObject(expected);
  });
});

describe('funcProto', () => {
  const btf = open([
    INT,
    { kind: 'func_proto', name: '', returns: 1, params: [{ name: 'x', type: 1 }] },
    { kind: 'func', name: 'f', type: 2, linkage: 'static' },
    { kind: 'func', name: 'g', type: 1, linkage: 'static' },
  ]);
  it('gives the prototype of a function', () => {
    expect(funcProto(btf, 3)).toBe(btf.type(2));
  });
  it.each([
    [1, /is a int, not a func/],
    [4, /has as its type a int, not a func_proto/],
  ])('refuses type %i', (id, rule) => {
    expect(() => funcProto(btf, id)).toThrow(rule);
  });
});

const params = (...types: number[]) => types.map((type) => ({ name: '', type }));

describe('formatType', () => {
  const types: NewBtfType[] = [
    INT,
    LONG,
    CHAR,
    { kind: 'struct', name: 'file', size: 0, members: [] },
    { kind: 'ptr', name: '', type: 4 }, // 5
    { kind: 'const', name: '', type: 3 },
    { kind: 'ptr', name: '', type: 6 },
    { kind: 'const', name: '', type: 7 },
    { kind: 'ptr', name: '', type: 0 },
    { kind: 'func_proto', name: '', returns: 1, params: params(9) }, // 10
    { kind: 'ptr', name: '', type: 10 },
    { kind: 'array', name: '', element: 3, index: 1, length: 16 },
    { kind: 'array', name: '', element: 12, index: 1, length: 4 },
    { kind: 'ptr', name: '', type: 12 },
    { kind: 'array', name: '', element: 11, index: 1, length: 2 }, // 15
    { kind: 'union', name: '', size: 0, members: [] },
    { kind: 'fwd', name: 'later', of: 'union' },
    { kind: 'typedef', name: 'u32', type: 1 },
    { kind: 'func_proto', name: '', returns: 11, params: params(18, 0) },
    { kind: 'ptr', name: '', type: 19 }, // 20
    { kind: 'type_tag', name: 'user', type: 6, attribute: false },
    { kind: 'ptr', name: '', type: 21 },
    { kind: 'ptr', name: '', type: 8 },
    { kind: 'func_proto', name: '', returns: 0, params: [] },
    { kind: 'const', name: '', type: 12 }, // 25
    { kind: 'enum', name: 'e', size: 4, signed: false, values: [] },
    { kind: 'restrict', name: '', type: 9 },
    { kind: 'volatile', name: '', type: 6 },
  ];
  const btf = open(types);
  it.each([
    [0, 'void'],
    [1, 'int'],
    [2, 'unsigned long'],
    [5, 'struct file *'],
    [7, 'const char *'],
    [8, 'const char *const'],
    [10, 'int (void *)'],
    [11, 'int (*)(void *)'],
    [12, 'char[16]'],
    [13, 'char[4][16]'],
    [14, 'char (*)[16]'],
    [15, 'int (*[2])(void *)'],
    [16, 'union {...}'],
    [17, 'union later'],
    [20, 'int (*(*)(u32, ...))(void *)'],
    [22, 'const char __attribute__((btf_type_tag("user"))) *'],
    [23, 'const char *const *'],
    [24, 'void (void)'],
    [25, 'const char[16]'],
    [26, 'enum e'],
    [27, 'void *restrict'],
    [28, 'const volatile char'],
  ])('type %i is %s', (id, text) => {
    expect(formatType(btf, id)).toBe(text);
  });
});
