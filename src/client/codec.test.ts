import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBtfBuilder, readBtf, type Btf, type TypeId } from '../btf/index.ts';
import { decode, encode, type Value } from './codec.ts';

const member = (
  name: string,
  type: TypeId,
  byte: number,
): { name: string; type: TypeId; bitOffset: number; bitSize: number } => ({
  name,
  type,
  bitOffset: byte * 8,
  bitSize: 0,
});

/** struct sample, with one member of each sort that C has. */
function sample(): { readonly btf: Btf; readonly id: (name: string) => TypeId } {
  const b = createBtfBuilder();
  const int = (name: string, size: number, signed = false, bool = false): TypeId =>
    b.add({ kind: 'int', name, size, bits: size * 8, bitOffset: 0, signed, char: false, bool });
  const [u8, s8, u32, s32, u64] = [
    int('u8', 1),
    int('s8', 1, true),
    int('u32', 4),
    int('s32', 4, true),
    int('u64', 8),
  ];
  const char = int('char', 1, true);
  const bool = int('bool', 1, false, true);
  const array = (element: TypeId, length: number): TypeId =>
    b.add({ kind: 'array', name: '', element, index: u32, length });
  const color = b.add({
    kind: 'enum',
    name: 'color',
    size: 4,
    signed: true,
    values: [
      { name: 'RED', value: 0n },
      { name: 'INFRARED', value: -1n },
    ],
  });
  const either = b.add({
    kind: 'union',
    name: '',
    size: 4,
    members: [member('low', u8, 0), member('whole', u32, 0)],
  });
  const alias = b.add({ kind: 'typedef', name: 'alias', type: u32 });
  b.add({
    kind: 'typedef',
    name: 'ratio',
    type: b.add({ kind: 'float', name: 'double', size: 8 }),
  });
  b.add({ kind: 'typedef', name: 'pointer', type: b.add({ kind: 'ptr', name: '', type: 0 }) });
  b.add({ kind: 'typedef', name: 'words', type: array(u32, 2) });
  b.add({
    kind: 'struct',
    name: 'sample',
    size: 48,
    members: [
      member('small', s8, 0),
      member('on', bool, 1),
      member('plain', s32, 4),
      member('wide', u64, 8),
      member('color', color, 16),
      member('name', array(char, 8), 20),
      member('raw', array(u8, 4), 28),
      member('', either, 32),
      member('alias', alias, 36),
      { name: 'bits', type: u32, bitOffset: 40 * 8 + 3, bitSize: 9 },
      { name: 'sbits', type: s32, bitOffset: 40 * 8 + 12, bitSize: 4 },
    ],
  });
  const btf = readBtf(b.bytes(), { file: 'sample' });
  const id = (name: string): TypeId => btf.find(name) ?? 0;
  return { btf, id };
}
const { btf, id } = sample();
const WHOLE = {
  small: -5,
  on: true,
  plain: -70000,
  wide: 2n ** 63n,
  color: 'INFRARED',
  name: 'héllo',
  raw: Uint8Array.of(1, 2, 3, 4),
  low: 0x44,
  whole: 0x11223344,
  alias: 4_000_000_000,
  bits: 300,
  sbits: -3,
};

describe('a C value in JavaScript', () => {
  it('comes back as it was written, member by member', () => {
    const bytes = encode(btf, id('sample'), WHOLE, 'value');
    expect(decode(btf, id('sample'), bytes)).toEqual(WHOLE);
  });

  it('leaves members that are not named zero', () => {
    const value = decode(btf, id('sample'), encode(btf, id('sample'), { plain: 1 }, 'value'));
    expect(value).toMatchObject({ plain: 1, on: false, color: 'RED', name: '', wide: 0n });
  });

  it('lays out bytes as C does, little endian', () => {
    expect([...encode(btf, id('u32'), 0x01020304, 'v')]).toEqual([4, 3, 2, 1]);
    expect([...encode(btf, id('words'), [1, 258], 'v')]).toEqual([1, 0, 0, 0, 2, 1, 0, 0]);
    const at40 = encode(btf, id('sample'), { bits: 1, sbits: -1 }, 'v').subarray(40, 44);
    expect([...at40]).toEqual([0x08, 0xf0, 0, 0]);
  });

  it('is taken as raw bytes anywhere', () => {
    const bytes = encode(btf, id('sample'), { name: new Uint8Array(8).fill(65) }, 'v');
    expect(decode(btf, id('sample'), bytes)).toMatchObject({ name: 'AAAAAAAA' });
    expect(encode(btf, id('u32'), Uint8Array.of(1, 2, 3, 4), 'v')).toEqual(
      Uint8Array.of(1, 2, 3, 4),
    );
  });

  it('shows an enum value without a name as a number', () => {
    expect(decode(btf, id('color'), Uint8Array.of(7, 0, 0, 0))).toBe(7);
  });

  const refusals: readonly (readonly [
    name: string,
    type: string,
    value: Value,
    message: string,
  ])[] = [
    ['too large', 'u8', 256, 'v: 256 is outside u8, which is 0..255'],
    ['negative for unsigned', 'u32', -1, 'v: -1 is outside u32, which is 0..4294967295'],
    ['below a signed type', 's8', -129, 'v: -129 is outside s8, which is -128..127'],
    ['a fraction', 'u32', 1.5, 'v: 1.5 is not an integer that a number holds exactly'],
    [
      'an unsafe number',
      'u64',
      2 ** 60,
      'v: 1152921504606847000 is not an integer that a number holds exactly',
    ],
    ['a string for an integer', 'u32', '1', 'v: u32 takes an integer, not "1"'],
    ['a number for a bool', 'bool', 2, 'v: bool takes true or false, not 2'],
    [
      'an unknown enum name',
      'color',
      'BLUE',
      'v: enum color has no value BLUE; it has RED, INFRARED',
    ],
    [
      'an unknown member',
      'sample',
      { plane: 1 },
      'v.plane: struct sample has no such member; it has small, on, plain,',
    ],
    [
      'a value deep inside',
      'sample',
      { name: 'too long for it' },
      'v.name: "too long for it" and its NUL do not fit in char[8]',
    ],
    [
      'a string that leaves no room for NUL',
      'sample',
      { name: '12345678' },
      'v.name: "12345678" and its NUL do not fit',
    ],
    [
      'a bitfield that overflows',
      'sample',
      { bits: 512 },
      'v.bits: 512 is outside u32, which is 0..511',
    ],
    ['bytes of the wrong length', 'u32', Uint8Array.of(1), 'v: takes 4 bytes, not 1'],
    ['a short array', 'words', [1], 'v: has 2 elements, not 1'],
    ['an element', 'words', [1, -1], 'v[1]: -1 is outside u32'],
    ['a scalar for a struct', 'sample', 5, 'v: struct sample takes an object, not 5'],
    [
      'null for a struct',
      'sample',
      JSON.parse('null') as Value,
      'v: struct sample takes an object, not null',
    ],
    ['a string for a double', 'ratio', 'x', 'v: takes a number, not "x"'],
  ];
  it.each(refusals)('refuses %s', (_name, type, value, message) => {
    expect(() => encode(btf, id(type), value, 'v')).toThrow(message);
  });

  it('refuses fewer bytes than the type has', () => {
    expect(() => decode(btf, id('sample'), new Uint8Array(47))).toThrow(
      'struct sample: has 48 bytes, not 47',
    );
  });

  it('round-trips every integer, float and pointer', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 64n - 1n), fc.double({ noNaN: true }), (word, ratio) => {
        expect(decode(btf, id('u64'), encode(btf, id('u64'), word, 'v'))).toBe(word);
        expect(decode(btf, id('pointer'), encode(btf, id('pointer'), word, 'v'))).toBe(word);
        expect(decode(btf, id('ratio'), encode(btf, id('ratio'), ratio, 'v'))).toBe(ratio);
        const signed = Number(BigInt.asIntN(32, word));
        expect(decode(btf, id('s32'), encode(btf, id('s32'), signed, 'v'))).toBe(signed);
      }),
      { numRuns: 200 },
    );
  });

  it('decodes any bytes without throwing, and writes them back the same but for padding', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 8 }), (bytes) => {
        const value = decode(btf, id('words'), bytes);
        expect(encode(btf, id('words'), value, 'v')).toEqual(bytes);
      }),
      { numRuns: 100 },
    );
  });
});
