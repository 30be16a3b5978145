import { describe, expect, it } from 'vitest';
import { checkBtf } from './check.ts';
import { EVERY_KIND, INT, LONG, member, open } from './testdata/types.ts';
import type { NewBtfType } from './writer.ts';

const ptr = (type: number): NewBtfType => ({ kind: 'ptr', name: '', type });
const struct = (size: number, ...members: ReturnType<typeof member>[]): NewBtfType => ({
  kind: 'struct',
  name: 's',
  size,
  members,
});
const typedef = (name: string, type: number): NewBtfType => ({ kind: 'typedef', name, type });
const proto = (returns: number, ...params: { name: string; type: number }[]): NewBtfType => ({
  kind: 'func_proto',
  name: '',
  returns,
  params,
});
const array = (element: number, index: number, length: number): NewBtfType => ({
  kind: 'array',
  name: '',
  element,
  index,
  length,
});
const FUNC: NewBtfType = { kind: 'func', name: 'f', type: 2, linkage: 'global' };
const VAR: NewBtfType = { kind: 'var', name: 'v', type: 1, linkage: 'global' };
const datasec = (size: number, offset: number, varSize: number): NewBtfType => ({
  kind: 'datasec',
  name: '.data',
  size,
  vars: [{ type: 2, offset, size: varSize }],
});
const tag = (type: number, component: number): NewBtfType => ({
  kind: 'decl_tag',
  name: 'tag',
  type,
  component,
  attribute: false,
});

describe('checkBtf', () => {
  it('has nothing against a sound object', () => {
    expect(checkBtf(open(EVERY_KIND))).toEqual([]);
  });

  it.each<[string, NewBtfType[], number, string]>([
    ['no types', [], 0, 'No type found'],
    ['an int wider than its size', [{ ...INT, bits: 64 }], 1, 'nr_bits exceeds type_size'],
    ['an int of two encodings', [{ ...INT, bool: true }], 1, 'Unsupported encoding'],
    ['a pointer with a name', [INT, { kind: 'ptr', name: 'p', type: 1 }], 2, 'Invalid name'],
    ['a typedef without a name', [INT, typedef('', 1)], 2, 'Invalid name'],
    ['a name that is no identifier', [INT, typedef('a b', 1)], 2, 'Invalid name'],
    ['an enum without names', [enumOf(4, '')], 1, 'Invalid name'],
    ['an enum of three bytes', [enumOf(3, 'A')], 1, 'Unexpected size'],
    ['a float of six bytes', [{ kind: 'float', name: 'f', size: 6 }], 1, 'Invalid type_size'],
    ['an empty section', [INT, VAR, datasec(0, 0, 4)], 3, 'size == 0'],
    ['a variable past its section', [INT, VAR, datasec(4, 2, 4)], 3, 'Invalid offset+size'],
    ['a variable larger than said', [INT, VAR, datasec(4, 0, 2)], 3, 'Invalid size'],
    ['a section of types', [INT, typedef('t', 1), datasec(4, 0, 4)], 3, 'Not a VAR kind member'],
    ['an extern variable', [INT, { ...VAR, linkage: 'extern' }], 2, 'Linkage not supported'],
    [
      'an extern function',
      [INT, proto(1), { ...FUNC, linkage: 'extern' }],
      3,
      'Invalid func linkage',
    ],
    ['a function of no prototype', [INT, INT, FUNC], 3, 'Invalid type_id'],
    [
      'a function with a nameless parameter',
      [INT, proto(1, { name: '', type: 1 }), FUNC],
      3,
      'Invalid arg#1',
    ],
    [
      'a parameter of type void',
      [INT, proto(1, { name: 'a', type: 0 }, { name: 'b', type: 1 })],
      2,
      'Invalid arg#1',
    ],
    ['a prototype that returns a prototype', [proto(0), proto(1)], 2, 'Invalid return type'],
    ['an array of void', [INT, array(0, 1, 1)], 2, 'Invalid elem'],
    ['an array by pointers', [INT, ptr(1), array(1, 2, 1)], 3, 'Invalid index'],
    ['too large an array', [INT, array(1, 1, 2 ** 30)], 2, 'Array size overflows U32_MAX'],
    ['a member of type void', [struct(8, member('a', 0, 0))], 1, 'Invalid type_id'],
    ['a member past the end', [INT, struct(4, member('a', 1, 8))], 2, 'Member exceeds struct_size'],
    [
      'members out of order',
      [INT, struct(8, member('a', 1, 32), member('b', 1, 0))],
      2,
      'Invalid member bits_offset',
    ],
    [
      'a bitfield of a pointer',
      [ptr(0), struct(8, member('a', 1, 0, 3))],
      2,
      'Invalid member bitfield_size',
    ],
    [
      'a bitfield wider than its type',
      [INT, struct(8, member('a', 1, 0, 33))],
      2,
      'Invalid member bitfield_size',
    ],
    [
      'a member at half a byte',
      [LONG, ptr(1), struct(16, member('a', 2, 4))],
      3,
      'Member is not byte aligned',
    ],
    ['a struct in itself', [struct(4, member('a', 1, 0))], 1, 'Loop detected'],
    ['a ring of pointers', [ptr(2), typedef('t', 1)], 1, 'Loop detected'],
    ['a chain of 33 typedefs', chain(33), 33, 'Exceeded max resolving depth:32'],
    ['a pointer to a variable', [INT, VAR, ptr(2)], 3, 'Invalid type_id'],
    ['a tag on an int', [INT, tag(1, -1)], 2, 'Invalid type_id'],
    [
      'a tag on a member that is not there',
      [INT, struct(4), tag(2, 0)],
      3,
      'Invalid component_idx',
    ],
    [
      'a type tag behind a qualifier',
      [
        INT,
        { kind: 'type_tag', name: 'user', type: 1, attribute: false },
        { kind: 'const', name: '', type: 2 },
      ],
      3,
      "Type tags don't precede modifiers",
    ],
    ['a reference out of range', [ptr(7)], 1, 'type 1: refers to type 7 of 2'],
  ])('%s', (_, types, id, rule) => {
    expect(checkBtf(open(types))[0]).toMatchObject({ id, rule });
  });

  it('lets structs point to themselves', () => {
    expect(checkBtf(open([struct(8, member('next', 2, 0)), ptr(1)]))).toEqual([]);
  });

  it('lets 32 typedefs follow each other', () => {
    expect(checkBtf(open(chain(32)))).toEqual([]);
  });

  it('names the entry and goes on to the next problem', () => {
    const types = [INT, struct(4, member('a b', 1, 0), member('c', 1, 64)), typedef('', 1)];
    expect(checkBtf(open(types))).toEqual([
      { id: 2, entry: 0, rule: 'Invalid name' },
      { id: 2, entry: 1, rule: 'Member bits_offset exceeds its struct size' },
      { id: 3, rule: 'Invalid name' },
    ]);
  });
});

function enumOf(size: number, name: string): NewBtfType {
  return { kind: 'enum', name: 'e', size, signed: false, values: [{ name, value: 0n }] };
}

/** Typedefs of each other, the last of them of an int. */
function chain(count: number): NewBtfType[] {
  const typedefs = Array.from({ length: count }, (_, i) => typedef(`t${i}`, i + 2));
  return [...typedefs, INT];
}
