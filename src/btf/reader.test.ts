import { describe, expect, it } from 'vitest';
import { FormatError } from '../abi/format-error.ts';
import { printRaw } from './print-raw.ts';
import { readBtf } from './reader.ts';
import { EVERY_KIND, INT, LONG, member, open } from './testdata/types.ts';
import type { Btf, BtfType } from './types.ts';
import { writeBtf, type NewBtfType } from './writer.ts';

describe('readBtf', () => {
  it.each(EVERY_KIND.map((type, i) => [type.kind, i + 1, type] as const))(
    'reads what was written: %s (type %i)',
    (_, id, type) => {
      expect(open(EVERY_KIND).type(id)).toEqual({ ...type, id });
    },
  );

  it('gives kind and name without the rest', () => {
    const btf = open([INT, { kind: 'ptr', name: '', type: 1 }]);
    expect([btf.kind(0), btf.name(0)]).toEqual(['void', '']);
    expect([btf.kind(1), btf.name(1)]).toEqual(['int', 'int']);
    expect([btf.kind(2), btf.name(2)]).toEqual(['ptr', '']);
    expect(btf.typeCount).toBe(3);
  });

  it('reads bytes that lie unaligned in their buffer', () => {
    const bytes = writeBtf(EVERY_KIND);
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    const btf = readBtf(shifted.subarray(1), { file: 'shifted' });
    expect(printRaw(btf)).toBe(printRaw(open(EVERY_KIND)));
  });
});

/** A small valid object with some bytes replaced, `[offset, byte]`. */
const damaged = (...changes: [number, number][]): Uint8Array => {
  const bytes = writeBtf([INT, { kind: 'typedef', name: 't', type: 1 }]);
  for (const [offset, byte] of changes) bytes[offset] = byte;
  return bytes;
};
const INFO = 24 + 4;

describe('a header or a type section that breaks the format is refused on opening', () => {
  it.each<[string, Uint8Array, number, RegExp]>([
    ['no bytes', new Uint8Array(0), 0, /needs 24 bytes, the file has 0/],
    ['half a header', damaged().slice(0, 20), 4, /header of 24 bytes in a file of 20/],
    ['big-endian', damaged([0, 0xeb], [1, 0x9f]), 0, /big-endian BTF is not supported/],
    ['another magic', damaged([0, 0x7f]), 0, /magic number is 0xeb7f/],
    ['version', damaged([2, 2]), 2, /version 2 is not supported/],
    ['flags', damaged([3, 1]), 3, /flags 0x1/],
    ['a short header', damaged([4, 20]), 4, /header of 20 bytes/],
    ['types past the end', damaged([13, 1]), 8, /section at 24 of 284 bytes goes past the end/],
    ['strings past the end', damaged([20, 200]), 16, /goes past the end/],
    ['types over strings', damaged([16, 0]), 8, /sections overlap/],
    ['types not aligned', damaged([8, 2]), 8, /not aligned to 4 bytes/],
    ['no strings', damaged([20, 0]), 20, /string section is empty/],
    ['strings without an end', damaged([58, 97]), 58, /last string has no end/],
    [
      'a first string that is not empty',
      damaged([52, 97]),
      52,
      /first string is not the empty one/,
    ],
    ['a kind of the future', damaged([INFO + 3, 20]), INFO, /unknown type kind 20/],
    ['kind 0', damaged([INFO + 3, 0]), INFO, /unknown type kind 0/],
    [
      'bits without meaning',
      damaged([INFO + 2, 1]),
      INFO,
      /unknown bits in the type info 0x1010000/,
    ],
    ['a name out of range', damaged([24, 99]), 24, /name offset 99 is out of range/],
    ['a record past the end', damaged([INFO + 3, 4], [INFO, 255]), INFO, /goes past the end/],
    ['a cut type header', damaged([12, 24]), 40, /type header is cut off/],
  ])('%s', (_, bytes, offset, rule) => {
    let caught: unknown;
    try {
      readBtf(bytes, { file: 'bad.btf' });
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(FormatError);
    expect(caught).toMatchObject({ file: 'bad.btf', format: 'BTF', offset });
    expect((caught as FormatError).rule).toMatch(rule);
  });

  it('takes a longer header, as later kernels write it', () => {
    const bytes = writeBtf([INT]);
    const longer = new Uint8Array(bytes.length + 8);
    longer.set(bytes.subarray(0, 24));
    longer.set(bytes.subarray(24), 32);
    longer[4] = 32;
    expect(readBtf(longer, { file: 'later' }).type(1)).toEqual({ ...INT, id: 1 });
  });
});

const ptr = (type: number): NewBtfType => ({ kind: 'ptr', name: '', type });
const typedef = (type: number): NewBtfType => ({ kind: 'typedef', name: 't', type });
const array = (element: number, length: number): NewBtfType => ({
  kind: 'array',
  name: '',
  element,
  index: 1,
  length,
});
const unknownLinkage = (): Btf => {
  const bytes = writeBtf([INT, { kind: 'func', name: 'f', type: 1, linkage: 'global' }]);
  bytes[24 + 16 + 4] = 3;
  return readBtf(bytes, { file: 'linkage' });
};

describe('what cannot be followed is refused when it is followed', () => {
  it('a linkage that is not known', () => {
    expect(() => unknownLinkage().type(2)).toThrow(/unknown linkage 3/);
  });
  it.each<[string, NewBtfType[], (btf: Btf) => unknown, RegExp]>([
    ['an id out of range', [INT], (btf) => btf.type(2), /type id 2 is out of range/],
    ['a negative id', [INT], (btf) => btf.kind(-1), /type id -1 is out of range/],
    ['a reference out of range', [ptr(9)], (btf) => btf.type(1), /refers to type 9 of 2/],
    ['a string out of range', [INT], (btf) => btf.string(99), /string offset 99/],
    ['a typedef of itself', [typedef(1)], (btf) => btf.resolve(1), /refers to itself/],
    ['an array of itself', [array(1, 2)], (btf) => btf.sizeOf(1), /refers to itself/],
    ['the size of void', [ptr(0)], (btf) => btf.sizeOf(0), /is a void, which has no size/],
    ['too large an array', [INT, array(1, 2 ** 31)], (btf) => btf.sizeOf(2), /more than 32 bits/],
    [
      'a struct in itself',
      [{ kind: 'struct', name: 's', size: 4, members: [member('s', 1, 0), member('t', 1, 0)] }],
      (btf) => btf.alignOf(1),
      /refers to itself/,
    ],
  ])('%s', (_, types, use, rule) => {
    expect(() => use(open(types))).toThrow(rule);
  });
});

describe('find', () => {
  const btf = open([
    INT,
    { kind: 'struct', name: 'file', size: 0, members: [] },
    { kind: 'fwd', name: 'file', of: 'struct' },
    { kind: 'typedef', name: 'file', type: 2 },
    { kind: 'struct', name: 'file___old', size: 0, members: [] },
    { kind: 'struct', name: 'file_operations', size: 0, members: [] },
    { kind: 'struct', name: 'profile', size: 0, members: [] },
    { kind: 'struct', name: 'файл', size: 0, members: [] },
    { kind: 'struct', name: 'a___b___c', size: 0, members: [] },
  ]);
  // The first lookups scan, the later ones use an index: both must say the same.
  it.each([1, 2, 3, 4, 5, 6])('finds by name and kinds, time %i', () => {
    expect(btf.find('file')).toBe(2);
    expect(btf.find('file', 'typedef', 'fwd')).toBe(3);
    expect(btf.find('file', 'union')).toBeUndefined();
    expect(btf.find('fil')).toBeUndefined();
    expect(btf.find('')).toBeUndefined();
    expect(btf.find('файл')).toBe(8);
    expect(btf.findAll('file')).toEqual([2, 3, 4]);
    expect(btf.findAll('file', 'struct')).toEqual([2]);
    expect(btf.findFlavors('file', 'struct')).toEqual([2, 5]);
    expect(btf.findFlavors('a___b')).toEqual([9]);
    expect(btf.findFlavors('a')).toEqual([]);
  });
});

describe('split BTF', () => {
  const base = open([INT, { kind: 'struct', name: 'file', size: 0, members: [] }]);
  const bytes = writeBtf(
    [
      { kind: 'ptr', name: '', type: 2 },
      { kind: 'struct', name: 'file', size: 8, members: [member('next', 3, 0)] },
      { kind: 'struct', name: 'mod', size: 8, members: [member('f', 4, 0)] },
    ],
    base,
  );
  const split = readBtf(bytes, { file: 'module', base });

  it('continues the ids of its base', () => {
    expect(split.typeCount).toBe(6);
    expect(split.type(1)).toBe(base.type(1));
    expect(split.type(3)).toEqual({ id: 3, kind: 'ptr', name: '', type: 2 });
    expect(split.sizeOf(5)).toBe(8);
  });
  it('continues the strings of its base', () => {
    expect(split.string(1)).toBe('int');
    expect([split.name(2), split.name(5)]).toEqual(['file', 'mod']);
  });
  it('finds the types of the base first', () => {
    expect(split.find('file')).toBe(2);
    expect(split.findAll('file')).toEqual([2, 4]);
    expect(split.find('mod')).toBe(5);
  });
  it('can itself be a base', () => {
    const third = writeBtf([{ kind: 'typedef', name: 't', type: 5 }], split);
    const btf = readBtf(third, { file: 'third', base: split });
    expect([btf.name(1), btf.name(5), btf.name(6)]).toEqual(['int', 'mod', 't']);
  });
  it('is refused without its base', () => {
    expect(() => readBtf(bytes, { file: 'module' })).toThrow(FormatError);
  });
});

const s = (size: number, ...members: ReturnType<typeof member>[]): NewBtfType => ({
  kind: 'struct',
  name: 's',
  size,
  members,
});

describe('size and alignment', () => {
  it.each<[string, NewBtfType[], number, number]>([
    ['int', [INT], 4, 4],
    ['ptr', [{ kind: 'ptr', name: '', type: 0 }], 8, 8],
    ['array', [{ kind: 'array', name: '', element: 2, index: 2, length: 3 }, INT], 12, 4],
    ['typedef', [{ kind: 'typedef', name: 't', type: 2 }, LONG], 8, 8],
    ['struct', [s(16, member('a', 2, 0), member('b', 3, 64)), INT, LONG], 16, 8],
    ['packed struct', [s(12, member('a', 2, 0), member('b', 3, 32)), INT, LONG], 12, 1],
    ['struct of an odd size', [s(6, member('a', 2, 0)), INT], 6, 1],
    ['bitfield across two ints', [s(8, member('a', 2, 24, 12)), INT], 8, 1],
    ['empty struct', [s(0)], 0, 1],
  ])('%s', (_, types, size, alignment) => {
    const btf = open(types);
    expect([btf.sizeOf(1), btf.alignOf(1)]).toEqual([size, alignment]);
  });
});

it('types are decoded once', () => {
  const btf = open([INT]);
  const type: BtfType = btf.type(1);
  expect(btf.type(1)).toBe(type);
});
