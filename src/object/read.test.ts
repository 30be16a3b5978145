import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readBtf } from '../btf/reader.ts';
import { readObject } from './read.ts';
import type { CollectionSpec, MapSpec, ProgramSpec } from './spec.ts';

const load = (name: string): CollectionSpec =>
  readObject(readFileSync(join(import.meta.dirname, 'testdata', name)), { file: name });

const maps = load('maps.bpf.o');
const globals = load('globals.bpf.o');
const calls = load('calls.bpf.o');
const kfuncs = load('kfuncs.bpf.o');
const core = load('core.bpf.o');

const get = <T>(map: ReadonlyMap<string, T>, name: string): T => {
  const found = map.get(name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
};

const nameOf = (spec: CollectionSpec, id: number | undefined): string | undefined =>
  id === undefined ? undefined : spec.btf?.name(id);

describe('programs', () => {
  it('say what their section says', () => {
    expect(get(kfuncs.programs, 'calls_kfuncs')).toMatchObject({
      section: 'lsm.s/task_alloc',
      type: 'LSM',
      attachType: 'LSM_MAC',
      attachTo: 'task_alloc',
      sleepable: true,
      autoload: true,
    });
  });

  it('of one section are told apart, in the order of the file', () => {
    expect([...calls.programs.keys()]).toEqual(['deep', 'shallow', 'loops']);
  });

  it('with a ? before the section name are not loaded by default', () => {
    const { section, autoload } = get(globals.programs, 'uses_ksyms');
    expect({ section, autoload }).toEqual({ section: 'socket', autoload: false });
  });

  it('come with license and version', () => {
    expect([globals.license, globals.kernVersion]).toEqual(['Dual BSD/GPL', 0x060c05]);
    expect(calls.kernVersion).toBe(0);
  });
});

describe('maps', () => {
  const base: Partial<MapSpec> = { flags: 0, mapExtra: 0n, numaNode: undefined, pinning: 'none' };
  const rows: readonly (readonly [string, Partial<MapSpec>])[] = [
    ['first', { type: 'ARRAY', keySize: 4, valueSize: 8, maxEntries: 2 }],
    ['outer', { type: 'ARRAY_OF_MAPS', keySize: 4, valueSize: 4, maxEntries: 4 }],
    ['jumps', { type: 'PROG_ARRAY', keySize: 4, valueSize: 4, maxEntries: 3 }],
    ['typed', { type: 'HASH', keySize: 8, valueSize: 8, maxEntries: 1000, flags: 1 }],
    ['sized', { type: 'PERCPU_ARRAY', keySize: 4, valueSize: 24, maxEntries: 3, numaNode: 1 }],
    ['events', { type: 'RINGBUF', keySize: 0, maxEntries: 4096, pinning: 'by_name' }],
    ['bloom', { type: 'BLOOM_FILTER', keySize: 0, valueSize: 4, mapExtra: 5n }],
    ['tasks', { type: 'TASK_STORAGE', keySize: 4, valueSize: 8, maxEntries: 0, flags: 1 }],
  ];
  it.each(rows)('%s is declared', (name, expected) => {
    expect(get(maps.maps, name)).toMatchObject({ ...base, name, data: undefined, ...expected });
  });

  it('know the types of key and value where they were declared by type', () => {
    const { keyType, valueType } = get(maps.maps, 'typed');
    expect([nameOf(maps, keyType), nameOf(maps, valueType)]).toEqual(['key', '__u64']);
    expect(get(maps.maps, 'sized')).toMatchObject({ keyType: undefined, valueType: undefined });
  });

  it('of maps hold a template, and the maps that the object puts in', () => {
    const { inner, slots } = get(maps.maps, 'outer');
    expect(inner).toMatchObject({
      name: 'outer.inner',
      type: 'ARRAY',
      valueSize: 8,
      maxEntries: 2,
    });
    expect([...slots]).toEqual([
      [0, 'first'],
      [2, 'second'],
    ]);
    expect(get(maps.maps, 'outer_hash').inner).toMatchObject({ type: 'HASH', maxEntries: 1 });
  });

  it('of programs hold those that the object puts in', () => {
    expect([...get(maps.maps, 'jumps').slots]).toEqual([[1, 'tail']]);
  });
});

const value = (name: string): readonly number[] => {
  const { map, offset, size } = get(globals.variables, name);
  return [...(get(globals.maps, map).data?.contents.subarray(offset, offset + size) ?? [])];
};

describe('data sections', () => {
  const RDONLY_PROG = 0x80;
  const MMAPABLE = 0x400;
  it.each([
    ['.rodata', 20, RDONLY_PROG | MMAPABLE, true],
    ['.data', 12, MMAPABLE, false],
    ['.data.custom', 4, MMAPABLE, false],
    ['.rodata.fixed', 4, RDONLY_PROG | MMAPABLE, true],
    ['.bss', 48, MMAPABLE, false],
    ['.bss.big', 4, MMAPABLE, false],
    ['.kconfig', 81, RDONLY_PROG | MMAPABLE, true],
  ])('%s is an array of one value', (name, valueSize, flags, readonly) => {
    const map = get(globals.maps, name);
    expect(map).toMatchObject({ type: 'ARRAY', keySize: 4, valueSize, maxEntries: 1, flags });
    expect(map.data).toMatchObject({ section: name, readonly });
    expect(map.data?.contents).toHaveLength(valueSize);
    expect([map.keyType, nameOf(globals, map.valueType)]).toEqual([0, name]);
  });

  it.each([
    ['limit', '.rodata', 'int', [10, 0, 0, 0]],
    ['counter', '.data', 'int', [3, 0, 0, 0]],
    ['shared', '.data', 'int', [9, 0, 0, 0]],
    ['set', '.data', 'int', [5, 0, 0, 0]],
    ['custom', '.data.custom', 'int', [1, 0, 0, 0]],
    ['fixed', '.rodata.fixed', 'int', [2, 0, 0, 0]],
    ['small', '.bss', '__u8', [0]],
    ['hits', '.bss', 'int', [0, 0, 0, 0]],
    ['count.hits', '.bss', 'int', [0, 0, 0, 0]],
    ['zeros', '.bss', '', Array(32).fill(0)],
  ])('variable %s has its value in %s', (name, map, type, expected) => {
    const variable = get(globals.variables, name);
    expect(variable).toMatchObject({ map, extern: false, weak: false });
    const { btf } = globals;
    expect(btf?.name(btf.resolve(variable.typeId)) ?? '').toBe(
      type === '__u8' ? 'unsigned char' : type,
    );
    expect(value(name)).toEqual(expected);
  });

  it('variables of one section lie apart', () => {
    const bss = [...globals.variables.values()].filter((v) => v.map === '.bss');
    const ends = bss.map((v) => v.offset + v.size);
    expect(bss.every((v, i) => i === 0 || v.offset >= (ends[i - 1] ?? 0))).toBe(true);
  });

  it.each([
    ['CONFIG_HZ', 0, 8, true],
    ['CONFIG_EXT4_FS', 8, 4, true],
    ['LINUX_KERNEL_VERSION', 12, 4, false],
    ['CONFIG_BPF_LSM', 16, 1, true],
    ['CONFIG_LSM', 17, 64, true],
  ])('%s is laid out in .kconfig as libbpf does', (name, offset, size, weak) => {
    expect(get(globals.variables, name)).toMatchObject({
      map: '.kconfig',
      offset,
      size,
      weak,
      extern: true,
    });
  });
});

/** References as text, one a line. */
const references = (program: ProgramSpec): readonly string[] =>
  program.references.map(({ insn, target }) => {
    const rest = Object.entries(target)
      .filter(([key]) => key !== 'typeId' && key !== 'kind')
      .map(([, value]) => String(value));
    return [insn, target.kind, ...rest].join(' ');
  });

describe('references', () => {
  it.each([
    ['uses_maps', maps, ['7 map outer', '17 map jumps', '23 map typed']],
    ['uses_ksyms', globals, ['2 ksym runqueues false', '7 ksym bpf_prog_active true']],
    [
      'calls_kfuncs',
      kfuncs,
      [
        '1 kfunc bpf_task_acquire false',
        '5 kfunc bpf_task_release false',
        '6 ksym bpf_missing true',
        '11 kfunc bpf_missing true',
      ],
    ],
    ['loops', calls, ['5 func 14', '22 map_value .bss 0']],
  ] as const)('of %s', (name, spec, expected) => {
    expect(references(get(spec.programs, name))).toEqual(expected);
  });

  it('of variables name the same places as the variables themselves', () => {
    const places = new Set(
      [...globals.variables.values()].map(({ map, offset }) => `${map} ${offset}`),
    );
    for (const name of ['uses_variables', 'uses_kconfig'])
      for (const { target } of get(globals.programs, name).references) {
        expect(target.kind).toBe('map_value');
        if (target.kind === 'map_value') expect(places).toContain(`${target.map} ${target.offset}`);
      }
  });

  it('keep the declared types of kernel symbols', () => {
    const { btf } = globals;
    const [typed, untyped] = get(globals.programs, 'uses_ksyms').references;
    const typeOf = (r: typeof typed): string | undefined =>
      r?.target.kind === 'ksym' ? btf?.name(btf.resolve(r.target.typeId)) : 'no ksym';
    expect([typeOf(untyped), typeOf(typed)]).toEqual(['', 'rq']);
    const [acquire] = get(kfuncs.programs, 'calls_kfuncs').references;
    const id = acquire?.target.kind === 'kfunc' ? acquire.target.typeId : 0;
    expect(kfuncs.btf?.type(id)).toMatchObject({ kind: 'func', name: 'bpf_task_acquire' });
  });
});

/** Index of the instruction that each call, and each address of a function, leads to. */
const targets = ({ code }: ProgramSpec): readonly number[] => {
  const view = new DataView(code.buffer, code.byteOffset);
  const found: number[] = [];
  for (let at = 0; at < code.length; at += 8) {
    const [opcode, source] = [view.getUint8(at), view.getUint8(at + 1) >> 4];
    if ((opcode === 0x85 && source === 1) || (opcode === 0x18 && source === 4))
      found.push(at / 8 + view.getInt32(at + 4, true) + 1);
  }
  return found;
};

describe('subprograms', () => {
  it.each([
    ['deep', ['deep 0', 'global_sub 13', 'middle 16', 'leaf 24', 'weak_sub 32']],
    ['shallow', ['shallow 0', 'hidden_sub 3']],
    ['loops', ['loops 0', 'each 14', 'leaf 21']],
  ])('of %s follow it in the order in which libbpf appends them', (name, expected) => {
    const { functions } = get(calls.programs, name);
    expect(functions.map((f) => `${f.name} ${f.insn}`)).toEqual(expected);
    for (const f of functions) expect(nameOf(calls, f.btfId)).toBe(f.name);
  });

  it.each([
    ['deep', [13, 32, 24, 16, 24, 24]],
    ['shallow', [3]],
    ['loops', [14, 21, 21]],
  ])('of %s are what its calls lead to', (name, expected) => {
    expect(targets(get(calls.programs, name))).toEqual(expected);
  });

  it('bring their lines and CO-RE relocations along', () => {
    const program = get(core.programs, 'only_reads');
    const [main, sub] = program.functions;
    expect(sub?.name).toBe('uid_of');
    const seen = program.coreRelocations.map(({ insn, typeId, access, kind }) =>
      [insn >= (sub?.insn ?? 0) ? sub?.name : main?.name, nameOf(core, typeId), access, kind].join(
        ' ',
      ),
    );
    expect(seen).toEqual([
      'only_reads file 0:0 0',
      'only_reads task_struct 0:1 2',
      'uid_of task_struct 0:2 0',
      'uid_of cred 0:0:0 0',
    ]);
    expect(program.lines.filter((l) => l.insn === sub?.insn)).toMatchObject([
      { file: './src/object/testdata/core.bpf.c', text: expect.stringContaining('uid_of') },
    ]);
    expect(program.lineInfo).toHaveLength(program.lines.length * 16);
  });
});

describe('BTF', () => {
  it('of an object has the sizes and offsets that the kernel wants, sections sorted', () => {
    const id = globals.btf?.find('.bss', 'datasec') ?? 0;
    const section = globals.btf?.type(id);
    expect(section).toMatchObject({ kind: 'datasec', size: 48 });
    const offsets = section?.kind === 'datasec' ? section.vars.map((v) => v.offset) : [];
    expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
  });

  it('turns externs into variables, and hidden symbols into static ones', () => {
    const { btf } = globals;
    const linkage = (name: string): unknown => btf?.type(btf.find(name, 'var') ?? 0);
    expect(linkage('CONFIG_HZ')).toMatchObject({ linkage: 'global' });
    expect(linkage('runqueues')).toMatchObject({ linkage: 'global' });
    expect(linkage('shared')).toMatchObject({ linkage: 'static' });
    const hidden = calls.btf?.find('hidden_sub', 'func') ?? 0;
    expect(calls.btf?.type(hidden)).toMatchObject({ linkage: 'static' });
    const ksyms = kfuncs.btf?.type(kfuncs.btf.find('.ksyms', 'datasec') ?? 0);
    expect(ksyms).toMatchObject({ size: 12, vars: [{ offset: 0 }, { offset: 4 }, { offset: 8 }] });
    const names = ksyms?.kind === 'datasec' ? ksyms.vars.map((v) => nameOf(kfuncs, v.type)) : [];
    expect(new Set(names)).toEqual(new Set(['dummy_ksym']));
  });

  it('can be read again from its bytes', () => {
    for (const spec of [maps, globals, calls, kfuncs, core])
      expect(readBtf(spec.btf?.bytes ?? new Uint8Array(), { file: 'again' }).typeCount).toBe(
        spec.btf?.typeCount,
      );
  });
});

const plain = (spec: CollectionSpec): unknown => ({ ...spec, btf: spec.btf?.bytes });

describe('a spec', () => {
  it.each(['maps', 'globals', 'calls', 'kfuncs', 'core'])('of %s is the same each time', (name) => {
    expect(plain(load(`${name}.bpf.o`))).toEqual(plain(load(`${name}.bpf.o`)));
  });

  it('does not depend on where in its buffer the file lies', () => {
    const bytes = readFileSync(join(import.meta.dirname, 'testdata', 'globals.bpf.o'));
    for (const shift of [1, 3, 7]) {
      const moved = new Uint8Array(bytes.length + 8).subarray(shift, shift + bytes.length);
      moved.set(bytes);
      expect(plain(readObject(moved, { file: 'globals.bpf.o' }))).toEqual(plain(globals));
    }
  });

  it('keeps no view of the file', () => {
    const bytes = new Uint8Array(
      readFileSync(join(import.meta.dirname, 'testdata', 'globals.bpf.o')),
    );
    const spec = readObject(bytes, { file: 'globals.bpf.o' });
    bytes.fill(0xff);
    expect(plain(spec)).toEqual(plain(globals));
  });
});
