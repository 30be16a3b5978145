import { readBtf } from '../reader.ts';
import type { Btf, Member } from '../types.ts';
import { writeBtf, type NewBtfType } from '../writer.ts';

type NewInt = Extract<NewBtfType, { kind: 'int' }>;
const int = (name: string, size: number, signed: boolean): NewInt => ({
  kind: 'int',
  name,
  size,
  bits: size * 8,
  bitOffset: 0,
  signed,
  char: false,
  bool: false,
});
export const INT = int('int', 4, true);
export const UINT = int('unsigned int', 4, false);
export const CHAR = int('char', 1, true);
export const LONG = int('long unsigned int', 8, false);

export const member = (name: string, type: number, bitOffset: number, bitSize = 0): Member => ({
  name,
  type,
  bitOffset,
  bitSize,
});

export const open = (types: Iterable<NewBtfType>): Btf =>
  readBtf(writeBtf(types), { file: 'test.btf' });

/** Each kind, with the variants that the format tells apart. The kernel's loader takes it as it is. */
export const EVERY_KIND: readonly NewBtfType[] = [
  INT,
  { kind: 'ptr', name: '', type: 4 },
  { kind: 'array', name: '', element: 1, index: 1, length: 3 },
  {
    kind: 'struct',
    name: 's',
    size: 32,
    members: [member('a', 1, 0), member('p', 2, 64), member('arr', 3, 128)],
  },
  {
    kind: 'struct',
    name: 'bits',
    size: 8,
    members: [member('a', 1, 0, 3), member('b', 7, 3, 9), member('c', 1, 32)],
  },
  { kind: 'union', name: 'u', size: 8, members: [member('a', 1, 0), member('', 5, 0)] },
  {
    kind: 'enum',
    name: 'e',
    size: 4,
    signed: false,
    values: [
      { name: 'A', value: 0n },
      { name: 'B', value: 0xffffffffn },
    ],
  },
  { kind: 'fwd', name: 'f', of: 'struct' },
  { kind: 'fwd', name: 'fu', of: 'union' },
  { kind: 'typedef', name: 't', type: 4 },
  { kind: 'volatile', name: '', type: 10 },
  { kind: 'const', name: '', type: 11 },
  { kind: 'restrict', name: '', type: 2 },
  {
    kind: 'func_proto',
    name: '',
    returns: 1,
    params: [
      { name: 'x', type: 2 },
      { name: 'y', type: 13 },
      { name: '', type: 0 },
    ],
  },
  { kind: 'func', name: 'fn', type: 14, linkage: 'global' },
  { kind: 'var', name: 'v', type: 4, linkage: 'static' },
  { kind: 'datasec', name: '.data', size: 32, vars: [{ type: 16, offset: 0, size: 32 }] },
  { kind: 'float', name: 'double', size: 8 },
  { kind: 'decl_tag', name: 'tag', type: 4, component: 1, attribute: false },
  { kind: 'decl_tag', name: 'tag', type: 16, component: -1, attribute: true },
  { kind: 'type_tag', name: 'user', type: 1, attribute: false },
  { kind: 'type_tag', name: 'address_space(1)', type: 1, attribute: true },
  { kind: 'ptr', name: '', type: 21 },
  {
    kind: 'enum64',
    name: 'e64',
    size: 8,
    signed: true,
    values: [{ name: 'Q', value: -(1n << 40n) }],
  },
  {
    kind: 'enum64',
    name: 'eu64',
    size: 8,
    signed: false,
    values: [{ name: 'R', value: 1n << 63n }],
  },
  { kind: 'enum', name: 'es', size: 4, signed: true, values: [{ name: 'N', value: -1n }] },
];
