import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encode } from '../../client/index.ts';
import { readInput } from '../../node/read-file.ts';
import { readObject } from '../../object/index.ts';
import { parseEntries } from '../typed-value.ts';
import { entryJson, typedEntry } from './entry.ts';
import { golden } from './testdata/golden.ts';
import { jsonText } from './json.ts';

const FILE = join(import.meta.dirname, '../testdata/values.bpf.o');
const spec = readObject(readInput(FILE), { file: 'values.bpf.o' });
const map = spec.maps.get('values');
const btf = spec.btf;
if (btf === undefined || map?.keyType === undefined || map.valueType === undefined)
  throw new Error('values.bpf.o has no typed map');
const types = { btf, key: map.keyType, value: map.valueType };

/** Members that are not here are 0. */
const JSON_VALUE = `{"1": {
  "big": "0xffffffffffffffff", "neg": -5, "bits1": 5, "bits2": 4097, "sbits": -3, "name": "hey",
  "bytes": "c0 00 01", "uc": 65, "color": "GREEN", "other": 77,
  "in": [{"s": -1, "c": -2, "b": true}, {"s": 3, "c": 65, "b": false}],
  "ptr": "0xdeadbeef", "a": 258, "ch": 66, "us": 65535, "cv": 9
}}`;

const [[key, value] = []] = parseEntries(JSON_VALUE, 'values.json', {
  key: { btf, id: types.key },
  value: { btf, id: types.value },
});
const entry = {
  key: encode(btf, types.key, key ?? 0, 'key'),
  value: encode(btf, types.value, value ?? 0, 'value'),
};

// What bpftool 7.1 printed of these bytes and types.
const PLAIN = `{
    "key": 1,
    "value": {
        "big": 18446744073709551615,
        "neg": -5,
        "bits1": 0x5,
        "bits2": 0x1001,
        "sbits": 0x1d,
        "name": "hey",
        "full": "",
        "bytes": [192,0,1
        ],
        "uc": 65,
        "color": "GREEN",
        "other": 77,
        "in": [{
                "s": -1,
                "c": -2,
                "b": true
            },{
                "s": 3,
                "c": 65,
                "b": false
            }
        ],
        "ptr": 0xdeadbeef,
        "nullp": (nil),
        "": {
            "a": 258,
            "b": [2,1,0,0
            ]
        },
        "wide": 0x0,
        "ch": 66,
        "us": 65535,
        "cv": 9
    }
}
`;
const FORMATTED = golden('value-formatted').trimEnd();

describe('a value of a BTF type', () => {
  it('is printed for people as bpftool prints it', () => {
    expect(jsonText(typedEntry(entry, types, { plain: true }), true)).toBe(PLAIN);
  });

  it('is printed in JSON as bpftool prints it', () => {
    expect(jsonText(entryJson(entry, types))).toContain(FORMATTED);
  });

  it('of a data section is each variable by name', () => {
    const section = spec.maps.get('.data');
    if (section?.data === undefined || section.valueType === undefined)
      throw new Error('values.bpf.o has no .data');
    const shown = { key: new Uint8Array(4), value: section.data.contents };
    const printed = typedEntry(shown, { btf, key: 0, value: section.valueType }, { plain: true });
    expect(jsonText(printed)).toBe('{"value":{".data":[{"counter":3},{"text":"hi"}]}}\n');
  });
});
