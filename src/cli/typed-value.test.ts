import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readInput } from '../node/read-file.ts';
import { readObject } from '../object/index.ts';
import { readBtf } from '../btf/index.ts';
import { openKernelImage } from '../node/index.ts';
import { nullTrapWarnings } from './null-traps.ts';
import { parseEntries, parseValue, type ValueType } from './typed-value.ts';

const file = 'values.bpf.o';
const spec = readObject(readInput(join(import.meta.dirname, 'testdata', file)), { file });
const { btf } = spec;
if (btf === undefined) throw new Error('values.bpf.o has no BTF');

const typeOf = (name: string): ValueType => {
  const id = spec.variables.get(name)?.typeId;
  return id === undefined ? undefined : { btf, id };
};

const values: [text: string, type: ValueType, value: unknown][] = [
  ['7', typeOf('counter'), 7n],
  ['0x10', typeOf('counter'), 16n],
  ['18446744073709551615', typeOf('counter'), 0xffff_ffff_ffff_ffffn],
  ['-1', undefined, -1n],
  ['hello', typeOf('text'), 'hello'],
  ['12', typeOf('text'), '12'],
  ['GREEN', typeOf('counter'), 'GREEN'],
  ['true', undefined, true],
  ['[1, 2]', typeOf('counter'), [1, 2]],
  ['c0 00', undefined, Uint8Array.of(0xc0, 0)],
];

describe('a value on the command line', () => {
  it.each(values)('%s', (text, type, value) => {
    expect(parseValue(text, type)).toEqual(value);
  });
});

const none = { key: undefined, value: undefined };
const maps: [name: string, json: string, entries: unknown][] = [
  [
    'an object',
    '{"1": 2, "0x3": "ff"}',
    [
      [1n, 2],
      [3n, Uint8Array.of(255)],
    ],
  ],
  ['pairs', '[[[1, 2], "aabb"]]', [[Uint8Array.of(1, 2), Uint8Array.of(0xaa, 0xbb)]]],
  ['what map dump prints', '[{"key": 1, "value": 2}]', [[1, 2]]],
  ['nothing', '{}', []],
];
const wrong: [name: string, json: string, message: string][] = [
  ['no JSON', '{', 'm.json: is no JSON'],
  ['a number', '5', 'm.json: holds neither an object nor an array'],
  ['an element without a value', '[{"key": 1}]', 'm.json: element 0 has no key or no value'],
  ['null', '{"1": null}', 'null is no value in C'],
];

describe('the contents of a map', () => {
  it.each(maps)('are read from %s', (_, json, entries) => {
    expect(parseEntries(json, 'm.json', none)).toEqual(entries);
  });
  it.each(wrong)('cannot be %s', (_, json, message) => {
    expect(() => parseEntries(json, 'm.json', none)).toThrow(message);
  });
});

describe('a test of an argument that may be NULL', () => {
  it('is told with its source line and what to write instead', () => {
    const image = openKernelImage('6.12');
    const [warning, ...others] = nullTrapWarnings(spec, readBtf(image.btf, { file: image.file }));
    expect(others).toEqual([]);
    expect(warning).toMatch(
      /^values\.bpf\.o: program 'deny_mapped_files': .*values\.bpf\.c:5[89]: .+: the test of 'file'/,
    );
    expect(warning).toContain('bpf_probe_read_kernel(&value, 8, ctx + 0)');
  });
});
