import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatError } from '../abi/format-error.ts';
import { checkBtf } from './check.ts';
import { printStaticAsserts } from './c/asserts.ts';
import { printC } from './c/print.ts';
import { printRaw } from './print-raw.ts';
import { readBtf } from './reader.ts';
import { EVERY_KIND, INT, member, open } from './testdata/types.ts';
import type { Btf } from './types.ts';
import { writeBtf, type NewBtfType } from './writer.ts';

const useAll = (btf: Btf): void => {
  const each = [
    (id: number) => btf.type(id),
    (id: number) => btf.resolve(id),
    (id: number) => btf.sizeOf(id),
    (id: number) => btf.alignOf(id),
  ];
  for (let id = 0; id < btf.typeCount; id++)
    for (const use of each) {
      try {
        use(id);
      } catch (error) {
        expect(error).toBeInstanceOf(FormatError);
      }
    }
  btf.findAll('s');
  checkBtf(btf);
  for (const print of [printRaw, printC, printStaticAsserts]) {
    try {
      print(btf);
    } catch (error) {
      expect(error).toBeInstanceOf(FormatError);
    }
  }
};
const nested = (count: number, kind: 'struct' | 'ptr'): NewBtfType[] =>
  Array.from({ length: count }, (_, i): NewBtfType => {
    const next = ((i + 1) % count) + 1;
    return kind === 'ptr'
      ? { kind, name: '', type: next }
      : { kind, name: '', size: 0, members: [member('a', next, 0), member('b', next, 0)] };
  });
describe('hostile bytes', () => {
  const good = writeBtf(EVERY_KIND);
  const change = fc.tuple(fc.nat(good.length - 1), fc.oneof(fc.nat(31), fc.nat(255)));

  it('give types or a FormatError, nothing else', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 6 }), fc.nat(good.length * 4), (changes, cut) => {
        const bytes = good.slice(0, Math.max(cut, 0) || undefined);
        for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte;
        let btf: Btf;
        try {
          btf = readBtf(bytes, { file: 'mutant' });
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
          return;
        }
        useAll(btf);
      }),
      { numRuns: 600 },
    );
  });

  const doubling = nested(40, 'struct').slice(0, -1);
  const protos: NewBtfType[] = Array.from({ length: 40 }, (_, i) => ({
    kind: 'func_proto',
    name: '',
    returns: 0,
    params: [
      { name: 'a', type: Math.min(i + 2, 40) },
      { name: 'b', type: Math.min(i + 2, 40) },
    ],
  }));
  it.each<[string, NewBtfType[]]>([
    ['a ring of pointers', nested(1000, 'ptr')],
    ['a ring of structs', nested(1000, 'struct')],
    ['structs that hold each other twice', [...doubling, INT]],
    ['a name for these', [...doubling, INT, { kind: 'typedef', name: 't', type: 1 }]],
    ['prototypes that take each other twice', [...protos, { kind: 'typedef', name: 't', type: 1 }]],
    ['a struct of 4 GiB', [{ kind: 'struct', name: 's', size: 0xffffffff, members: [] }]],
    [
      'two thousand typedefs in a row',
      Array.from({ length: 2000 }, (_, i) => ({
        kind: 'typedef' as const,
        name: `t${i}`,
        type: (i + 2) % 2001,
      })),
    ],
  ])('end soon: %s', (_, types) => {
    useAll(open(types));
  });
});
