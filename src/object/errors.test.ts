import * as fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FormatError } from '../abi/format-error.ts';
import { readElf } from './elf.ts';
import { readObject } from './read.ts';

const read = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(join(import.meta.dirname, 'testdata', name)));

const errorOf = (bytes: Uint8Array): FormatError => {
  try {
    readObject(bytes, { file: 'x.o' });
  } catch (error) {
    if (error instanceof FormatError) return error;
    throw error;
  }
  throw new Error('it was read');
};

describe('sources that make no sense', () => {
  it.each([
    ['map_member', '.maps', 'map map: unknown member max_entry'],
    ['map_key_conflict', '.maps', 'map map: conflicting key sizes: 8 and 4'],
    ['map_no_type', '.maps', 'map map: the type is missing'],
    ['map_type', '.maps', 'map map: map type 999 is not known'],
    ['map_uint', '.maps', 'map map: member max_entries is not made by __uint'],
    ['map_pinning', '.maps', 'map map: unknown pinning 2'],
    ['map_values', '.maps', 'map map: only maps of maps and program arrays'],
    ['map_inner_pinning', '.maps', 'map map: inner map: an inner map cannot be pinned'],
    ['map_static', '.maps', 'map map: it is static'],
    ['map_scalar', '.maps', 'map map: its type is void, not a struct'],
    ['legacy_maps', 'maps', 'legacy maps are not supported; declare them in .maps, with BTF'],
    ['section_unknown', 'lms/file_open', 'unknown section name; the nearest known one is lsm/'],
    ['program_static', 'socket', 'program hidden is static'],
    ['data_pointer', '.data', 'the address of target as initial value'],
    ['extern_nowhere', '.symtab', 'extern nowhere is in neither .kconfig nor .ksyms'],
    ['kconfig_type', '.kconfig', 'extern CONFIG_PAIR is neither bool'],
    ['struct_ops', '.struct_ops', 'struct_ops maps are not supported'],
  ])('%s', (name, section, rule) => {
    const error = errorOf(read(`bad/${name}.bpf.o`));
    expect(error).toMatchObject({ file: 'x.o', section });
    expect(error.rule).toContain(rule);
  });
});

/** A file that can be written to by the names of its parts. */
const open = (name: string) => {
  const bytes = read(name);
  const view = new DataView(bytes.buffer);
  const elf = readElf(bytes, { file: name });
  const section = (wanted: string) => {
    const found = elf.section(wanted);
    if (found === undefined) throw new Error(`no section ${wanted}`);
    const header = Number(view.getBigUint64(40, true)) + found.index * 64;
    return { ...found, header };
  };
  /** The first symbol of this kind and section; its place in the file. */
  const symbol = (kind: number, inSection: string): number => {
    const { offset, size } = section('.symtab');
    const { index } = section(inSection);
    for (let at = offset; at < offset + size; at += 24)
      if ((view.getUint8(at + 4) & 0xf) === kind && view.getUint16(at + 6, true) === index)
        return at;
    throw new Error(`no symbol of kind ${kind} in ${inSection}`);
  };
  return { bytes, view, section, symbol };
};
type Opened = ReturnType<typeof open>;

const FUNC = 2;
const MAPS = 'maps.bpf.o';
const CALLS = 'calls.bpf.o';

const rows: readonly (readonly [
  what: string,
  file: string,
  damage: (file: Opened) => void,
  rule: string,
])[] = [
  ['no magic number', MAPS, ({ view }) => view.setUint8(0, 0), 'the magic number is missing'],
  ['32-bit ELF', MAPS, ({ view }) => view.setUint8(4, 1), '32-bit ELF (ELFCLASS32)'],
  ['big-endian ELF', MAPS, ({ view }) => view.setUint8(5, 2), 'big-endian ELF (ELFDATA2MSB)'],
  ['an unknown encoding', MAPS, ({ view }) => view.setUint8(5, 9), 'unknown data encoding 9'],
  ['an executable', MAPS, ({ view }) => view.setUint16(16, 2, true), 'not ET_REL'],
  ['x86-64', MAPS, ({ view }) => view.setUint16(18, 62, true), 'the machine is 62, not EM_BPF'],
  ['no section headers', MAPS, ({ view }) => view.setUint32(40, 0, true), 'no section headers'],
  [
    'headers past the end',
    MAPS,
    ({ view }) => view.setUint32(40, 0x7fffffff, true),
    'are past the end of the file',
  ],
  [
    'header size',
    MAPS,
    ({ view }) => view.setUint16(58, 40, true),
    'section headers have 40 bytes',
  ],
  [
    'too many',
    MAPS,
    ({ view }) => view.setUint16(60, 0xfeff, true),
    '65279 section headers go past',
  ],
  ['no names', MAPS, ({ view }) => view.setUint16(62, 0, true), 'no table of section names'],
  [
    'a section past the end',
    MAPS,
    ({ view, section }) => view.setUint32(section('.BTF').header + 36, 1, true),
    'goes past the end of the file',
  ],
  [
    'odd symbols',
    MAPS,
    ({ view, section }) => view.setUint32(section('.symtab').header + 56, 16, true),
    "the table's records do not have 24 bytes",
  ],
  [
    'symbols in no section',
    MAPS,
    ({ view, symbol }) => view.setUint16(symbol(FUNC, 'socket') + 6, 0x1234, true),
    'is in no section',
  ],
  [
    'an extended section index',
    MAPS,
    ({ view, symbol }) => view.setUint16(symbol(FUNC, 'socket') + 6, 0xffff, true),
    'SHN_XINDEX, which is not supported',
  ],
  [
    'an empty function',
    MAPS,
    ({ view, symbol }) => view.setUint32(symbol(FUNC, 'socket') + 16, 0, true),
    'function tail has no instructions',
  ],
  [
    'a long function',
    CALLS,
    ({ view, symbol }) => view.setUint32(symbol(FUNC, '.text') + 16, 0x10000, true),
    'goes past the end of its section',
  ],
  [
    'overlapping functions',
    CALLS,
    ({ view, symbol }) => view.setUint32(symbol(FUNC, '.text') + 16, 72, true),
    'overlap',
  ],
  [
    'half an instruction',
    CALLS,
    ({ view, symbol }) => view.setUint32(symbol(FUNC, '.text') + 8, 4, true),
    'is not made of whole instructions',
  ],
  [
    'a call that leads nowhere',
    CALLS,
    ({ view, section }) => {
      const { offset, size } = section('.text');
      for (let at = offset; at < offset + size; at += 8)
        if (view.getUint16(at, true) === 0x1085) view.setInt32(at + 4, 1000, true);
    },
    'no function',
  ],
  [
    'a relocation type that BPF has not',
    MAPS,
    ({ view, section }) => view.setUint32(section('.relsocket').offset + 8, 77, true),
    'relocation type 77 of an instruction with opcode 0x18',
  ],
  [
    'a relocation of no instruction',
    MAPS,
    ({ view, section }) => view.setUint32(section('.relsocket').offset, 3, true),
    'a relocation that is not at an instruction',
  ],
  [
    'a relocation without its symbol',
    MAPS,
    ({ view, section }) => view.setUint32(section('.relsocket').offset + 12, 9999, true),
    'names symbol 9999, there is none',
  ],
  [
    'two relocations of one instruction',
    MAPS,
    ({ view, section }) => {
      const { offset } = section('.relsocket');
      view.setUint32(offset, view.getUint32(offset + 16, true), true);
    },
    'two relocations of one instruction',
  ],
  [
    'relocations with addends',
    MAPS,
    ({ view, section }) => view.setUint32(section('.relsocket').header + 4, 4, true),
    '(SHT_RELA) are not supported',
  ],
  [
    'a pointer in no slot',
    MAPS,
    ({ view, section }) => view.setUint32(section('.rel.maps').offset, 1, true),
    'a pointer that is in no',
  ],
  [
    'sections that overlap',
    MAPS,
    ({ view, section }) => {
      view.setUint32(section('.strtab').header + 24, 0, true);
      view.setUint32(section('.strtab').header + 32, view.byteLength, true);
    },
    'its sections overlap',
  ],
  ['no BTF', MAPS, ({ view, section }) => view.setUint8(section('.BTF').offset, 0), 'magic number'],
  [
    'a .bss of half a gigabyte',
    'globals.bpf.o',
    ({ view, section }) => view.setUint32(section('.bss').header + 32, 0x2000_0000, true),
    'data sections together are larger than',
  ],
  [
    'a .bss of more than 32 bits',
    'globals.bpf.o',
    ({ view, section }) => view.setUint32(section('.bss').header + 36, 1, true),
    'there is no section .bss, or none whose size fits',
  ],
  [
    '.BTF.ext of a later version',
    MAPS,
    ({ view, section }) => view.setUint8(section('.BTF.ext').offset + 2, 2),
    'version 2 is not supported',
  ],
  [
    '.BTF.ext with a table past the end',
    MAPS,
    ({ view, section }) => view.setUint32(section('.BTF.ext').offset + 12, 0xffff, true),
    'the func_info table goes past the end',
  ],
  [
    'small records',
    MAPS,
    ({ view, section }) => {
      const { offset } = section('.BTF.ext');
      view.setUint32(offset + view.getUint32(offset + 4, true), 4, true);
    },
    'records of the func_info table have 4 bytes',
  ],
];

describe('damaged files', () => {
  it.each(rows)('%s', (_, name, damage, rule) => {
    const file = open(name);
    damage(file);
    expect(errorOf(file.bytes).message).toContain(rule);
  });

  it('a file cut anywhere is refused or read, never worse', () => {
    const bytes = read(CALLS);
    for (let length = 0; length < bytes.length; length += 97)
      expect(errorOf(bytes.slice(0, length))).toBeInstanceOf(FormatError);
  });
});

/** Reads everything that is decoded on demand, too. */
const readAll = (bytes: Uint8Array): void => {
  const { programs } = readObject(bytes, { file: 'x.o' });
  for (const { lines } of programs.values()) expect(lines).toBeDefined();
};

describe('hostile files', () => {
  const files = ['maps', 'globals', 'calls', 'kfuncs', 'core'].map((f) => read(`${f}.bpf.o`));
  const edits = fc.array(
    fc.record({
      at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      value: fc.nat(255),
    }),
    { minLength: 1, maxLength: 12 },
  );

  it('are read, or refused with a FormatError', () => {
    fc.assert(
      fc.property(fc.nat(files.length - 1), fc.boolean(), edits, (index, headers, changes) => {
        const bytes = (files[index] ?? new Uint8Array()).slice();
        // Section headers stand at the end and are where most damage can be done.
        const from = headers ? bytes.length * 0.8 : 0;
        for (const { at, value } of changes)
          bytes[Math.floor(from + at * (bytes.length - from))] = value;
        try {
          readAll(bytes);
        } catch (error) {
          if (!(error instanceof FormatError)) throw error;
          expect(error.rule).not.toBe('');
        }
      }),
      { numRuns: 2000 },
    );
  });
});
