import {
  createBtfBuilder,
  type Member,
  type NewBtfType,
  type TypeId,
} from '../../src/btf/index.ts';

/** What the programs of the CO-RE tests look for first. */
const WANTED = 'moved';

const member = (name: string, type: TypeId, bitOffset = 0, bitSize = 0): Member => ({
  name,
  type,
  bitOffset,
  bitSize,
});
const struct = (name: string, size: number, ...members: readonly Member[]): NewBtfType => ({
  kind: 'struct',
  name,
  size,
  members,
});
const int = (name: string, size: number, bits = size * 8): NewBtfType => ({
  kind: 'int',
  name,
  size,
  bits,
  bitOffset: 0,
  signed: false,
  char: false,
  bool: false,
});
const to = (kind: 'ptr' | 'const' | 'volatile' | 'restrict', type: TypeId): NewBtfType => ({
  kind,
  name: '',
  type,
});
const typedef = (name: string, type: TypeId): NewBtfType => ({ kind: 'typedef', name, type });
const array = (element: TypeId, length: number): NewBtfType => ({
  kind: 'array',
  name: '',
  element,
  index: 1,
  length,
});
const proto = (returns: TypeId, ...types: readonly TypeId[]): NewBtfType => ({
  kind: 'func_proto',
  name: '',
  returns,
  params: types.map((type, i) => ({ name: `p${i}`, type })),
});
const each = (count: number, make: (i: number) => NewBtfType): NewBtfType[] =>
  Array.from({ length: count }, (_, i) => make(i));

/** Every type holds the next one twice: 2^count ways through. */
const tower = (
  count: number,
  name: (i: number) => string,
  link: (id: TypeId) => TypeId,
): NewBtfType[] => [
  ...each(count, (i) =>
    struct(
      i === 0 ? WANTED : name(i),
      16,
      member(name(i), link(i + 3)),
      member(name(i), link(i + 3), 64),
    ),
  ),
  int('end', 4),
];

/** Types that are written as the format says and make no sense. The first has the id 2, after `int` with id 1. */
const HOSTILE: Readonly<Record<string, readonly NewBtfType[]>> = {
  'a typedef of itself': [typedef(WANTED, 2)],
  'typedefs in a circle': [typedef(WANTED, 3), typedef('b', 4), typedef('c', 2)],
  'qualifiers in a circle': [to('const', 3), to('volatile', 4), to('restrict', 2)],
  'a pointer to itself': [to('ptr', 2), struct(WANTED, 8, member('a', 2))],
  'a struct in itself': [struct(WANTED, 8, member('', 2), member('a', 2))],
  'structs in each other': [
    struct(WANTED, 8, member('', 3)),
    struct('', 8, member('', 2), member('c', 3)),
  ],
  'a struct in itself by an array': [struct(WANTED, 8, member('a', 3)), array(2, 4)],
  'an array of itself': [array(2, 2), struct(WANTED, 8, member('a', 2))],
  'arrays of each other': [array(3, 2), array(2, 2), struct(WANTED, 8, member('a', 2))],
  'an array of void': [array(0, 5), struct(WANTED, 8, member('a', 2))],
  'an array too large to measure': [...each(30, (i) => array(i + 3, 0xffffffff)), int('end', 4)],
  'a prototype that takes and returns itself': [proto(2, 2, 2), struct(WANTED, 8, member('a', 2))],
  'a function of what is none': [{ kind: 'func', name: WANTED, type: 1, linkage: 'global' }],
  'a tag on itself': [
    { kind: 'decl_tag', name: 'tag', type: 2, component: 70_000, attribute: false },
  ],
  'a section of itself': [
    {
      kind: 'datasec',
      name: '.data',
      size: 8,
      vars: [{ type: 2, offset: 0xffffffff, size: 0xffffffff }],
    },
  ],
  'typedefs 5,000 deep': [
    ...each(5000, (i) => typedef(`${WANTED}${i || ''}`, i + 3)),
    int('end', 4),
  ],
  'pointers 5,000 deep': [...each(5000, (i) => to('ptr', i + 3)), int('end', 4)],
  'arrays 5,000 deep': [...each(5000, (i) => array(i + 3, 1)), int('end', 4)],
  'prototypes 5,000 deep': [...each(5000, (i) => proto(i + 3)), int('end', 4)],
  'anonymous structs 5,000 deep': [
    ...each(5000, (i) => struct(i === 0 ? WANTED : '', 8, member('', i + 3))),
    int('end', 4),
  ],
  'a tower of anonymous structs': tower(
    60,
    () => '',
    (id) => id,
  ),
  'a tower of named structs': tower(
    60,
    (i) => `level${i}`,
    (id) => id,
  ),
  'a struct of 10,000 members': [
    struct(WANTED, 8, ...Array.from({ length: 10_000 }, (_, i) => member(`m${i}`, 1, i))),
  ],
  'a struct of 10,000 anonymous ones': [
    struct(WANTED, 8, ...Array.from({ length: 10_000 }, () => member('', 3))),
    struct('', 4, member('z', 1)),
  ],
  'one name for 2,000 structs': each(2000, (i) => struct(WANTED, 8, member(`m${i}`, 1))),
  'one name for 2,000 typedefs of each other': [
    ...each(2000, (i) => typedef(WANTED, i + 3)),
    int('end', 4),
  ],
  'a name of a million characters': [struct('x'.repeat(1_000_000), 4, member('a', 1))],
  'a name of a million flavors': [struct(`${WANTED}${'___x'.repeat(250_000)}`, 4, member('a', 1))],
  'a bitfield of a struct': [struct(WANTED, 8, member('a', 2, 3, 5)), int('wide', 0, 255)],
  'a bitfield of 255 bits at the far end': [struct(WANTED, 8, member('a', 1, 0xffffff, 255))],
  'sizes of 4 GiB': [
    struct(WANTED, 0xffffffff, member('a', 3, 0xffffffff)),
    int('huge', 0xffffffff, 1),
  ],
};

export const hostileBtfs = (): readonly { name: string; bytes: Uint8Array }[] =>
  Object.entries(HOSTILE).map(([name, types]) => {
    const builder = createBtfBuilder();
    for (const type of [int('int', 4), ...types]) builder.add(type);
    return { name, bytes: builder.bytes() };
  });
