import { findSection, nearestSection } from '../abi/sections.ts';
import { readBtf } from '../btf/reader.ts';
import type { Btf } from '../btf/types.ts';
import { readBtfExt } from './btf-ext.ts';
import { fixBtf } from './btf-fixup.ts';
import { isDataSection, readDataMaps, readVariables, type ObjectBtf } from './data.ts';
import {
  elfError,
  EM_BPF,
  ET_REL,
  readElf,
  readRelocations,
  readSymbols,
  SHT,
  STB,
  STT,
  type Elf,
  type ElfSection,
  type Relocation,
  type Symbols,
} from './elf.ts';
import { collectExterns, type Externs } from './externs.ts';
import { readFunctions, TEXT_SECTION, type Func, type Functions } from './functions.ts';
import { linkProgram, type LinkContext } from './link.ts';
import { MAPS_SECTION, readMaps } from './maps.ts';
import { fillSlots } from './slots.ts';
import type { CollectionSpec, MapSpec, ProgramSpec } from './spec.ts';
import { findUses, indexRelocations, type Use, type UseContext } from './uses.ts';

/** Sections that libbpf gives a meaning which is not supported here. */
const REFUSED: ReadonlyMap<string, string> = new Map([
  ['maps', 'legacy maps are not supported; declare them in .maps, with BTF (build with -g)'],
  ['.struct_ops', 'struct_ops maps are not supported'],
  ['.struct_ops.link', 'struct_ops maps are not supported'],
  ['?.struct_ops', 'struct_ops maps are not supported'],
  ['?.struct_ops.link', 'struct_ops maps are not supported'],
  ['.addr_space.1', 'variables in an arena are not supported'],
]);

/** Each program has its own copy of the subprograms that it calls; no real object comes near this. */
const MAX_INSNS_TOGETHER = 4_000_000;

const checkBpf = (elf: Elf): void => {
  const fail = (offset: number, rule: string): never => {
    throw elfError(elf.file, offset, rule);
  };
  if (elf.type !== ET_REL) fail(16, `the ELF type is ${elf.type}, not ET_REL: no object file`);
  if (elf.machine !== EM_BPF && elf.machine !== 0)
    fail(18, `the machine is ${elf.machine}, not EM_BPF: not built with -target bpf`);
  let total = 0;
  for (const section of elf.sections) {
    const reason = section.size > 0 ? REFUSED.get(section.name) : undefined;
    if (reason !== undefined) throw elfError(elf.file, 0, reason, section.name);
    if (section.index > 0 && section.type !== SHT.NOBITS) total += section.size;
  }
  // A small file whose sections overlap could stand for any amount of code and data.
  if (total > elf.bytes.length) fail(40, `its sections overlap: ${total} bytes of sections`);
};

/** Relocations by the index of the section that they change, for the sections that become programs and maps. */
const collectRelocations = (
  elf: Elf,
  symbols: Symbols,
  isLoaded: (section: ElfSection) => boolean,
): ReadonlyMap<number, readonly Relocation[]> => {
  const found = new Map<number, readonly Relocation[]>();
  for (const section of elf.sections) {
    if (section.type !== SHT.REL && section.type !== SHT.RELA) continue;
    const target = elf.sections[section.info];
    if (target === undefined || !isLoaded(target)) continue;
    const fail = (rule: string): never => {
      throw elfError(elf.file, 0, rule, section.name);
    };
    if (section.type === SHT.RELA) fail('relocations with addends (SHT_RELA) are not supported');
    if (section.link !== symbols.section.index) fail(`section ${section.link} is no symbol table`);
    if (found.has(target.index)) fail(`a second table of relocations for ${target.name}`);
    found.set(target.index, readRelocations(elf, section, target, symbols));
  }
  return found;
};

/** A pointer in a data section: libbpf leaves it 0 without a word, which no program can want. */
const refuseDataRelocations = (
  elf: Elf,
  symbols: Symbols,
  relocations: ReadonlyMap<number, readonly Relocation[]>,
): void => {
  for (const section of elf.sections.filter(isDataSection)) {
    const first = relocations.get(section.index)?.[0];
    if (first === undefined) continue;
    const name = symbols.name(first.symbol) || `symbol ${first.symbol}`;
    throw elfError(
      elf.file,
      first.offset,
      `the address of ${name} as initial value: relocation type ${first.type} of data is not supported`,
      section.name,
    );
  }
};

/** Global variables and hidden functions by name, as {@link fixBtf} needs them. */
const globals = (symbols: Symbols, functions: Functions) => {
  const variables = new Map<string, { readonly offset: number; readonly hidden: boolean }>();
  for (let i = 1; i < symbols.count; i++)
    if (symbols.type(i) === STT.OBJECT && symbols.bind(i) !== STB.LOCAL)
      variables.set(symbols.name(i), { offset: symbols.value(i), hidden: symbols.hidden(i) });
  const hidden = [...functions.values()].flat().filter((f) => !f.isStatic && f.hidden);
  return { variables, hiddenFunctions: new Set(hidden.map((f) => f.name)) };
};

interface Described {
  readonly types: ObjectBtf | undefined;
  readonly externs: Externs;
}

const readObjectBtf = (elf: Elf, symbols: Symbols, functions: Functions): Described => {
  const { file } = elf;
  const section = elf.section('.BTF');
  const raw = section === undefined ? undefined : elf.contents(section);
  const open = (): Btf | undefined => (raw === undefined ? undefined : readBtf(raw, { file }));
  const externs = collectExterns(symbols, open, file);
  if (raw === undefined) return { types: undefined, externs };
  const { bytes, datasecs } = fixBtf(raw, {
    file,
    sectionSize: (name) => elf.section(name)?.size,
    ...globals(symbols, functions),
    kconfig: new Map(externs.kconfig.map((v) => [v.varId, v])),
    kconfigSize: externs.kconfigSize,
  });
  return { types: { btf: readBtf(bytes, { file }), datasecs }, externs };
};

const readProgram = (context: LinkContext, main: Func): ProgramSpec => {
  const { file } = context.elf;
  const fail = (rule: string): never => {
    throw elfError(file, main.start * 8, rule, main.section.name);
  };
  const autoload = !main.section.name.startsWith('?');
  const section = autoload ? main.section.name : main.section.name.slice(1);
  const known = findSection(section);
  if (known === undefined)
    return fail(
      `program ${main.name}: unknown section name; the nearest known one is ${nearestSection(section)}`,
    );
  // libbpf takes static functions only as subprograms, in .text.
  if (main.isStatic) fail(`program ${main.name} is static`);
  const { def, target } = known;
  // Copying the linked code by spread would decode the lines.
  return Object.assign(linkProgram(context, main), {
    name: main.name,
    section,
    type: def.type,
    attachType: def.attachType,
    attachTo: target,
    sleepable: def.sleepable,
    autoload,
  });
};

const readPrograms = (
  context: LinkContext,
  functions: Functions,
): ReadonlyMap<string, ProgramSpec> => {
  const programs = new Map<string, ProgramSpec>();
  let total = 0;
  for (const main of [...functions.values()].flat()) {
    if (main.section.name === TEXT_SECTION) continue;
    const fail = (rule: string): never => {
      throw elfError(context.elf.file, main.start * 8, rule, main.section.name);
    };
    if (programs.has(main.name)) fail(`a second program ${main.name}`);
    const program = readProgram(context, main);
    total += program.code.length / 8;
    if (total > MAX_INSNS_TOGETHER)
      fail(`the programs have more than ${MAX_INSNS_TOGETHER} instructions together`);
    programs.set(main.name, program);
  }
  return programs;
};

const linkContext = (
  uses: UseContext,
  btf: Btf | undefined,
  relocations: ReadonlyMap<number, readonly Relocation[]>,
): LinkContext => {
  const { elf } = uses;
  const known = new Map<Func, readonly Use[]>();
  const indexed = new Map<number, ReturnType<typeof indexRelocations>>();
  const section = elf.section('.BTF.ext');
  return {
    elf,
    btf,
    ext:
      btf === undefined || section === undefined
        ? undefined
        : readBtfExt(elf.contents(section), btf),
    uses: (func) => {
      const { index } = func.section;
      const byInsn =
        indexed.get(index) ?? indexRelocations(elf, relocations.get(index) ?? [], func.section);
      indexed.set(index, byInsn);
      const found = known.get(func) ?? findUses(uses, func, byInsn);
      known.set(func, found);
      return found;
    },
  };
};

const readLicense = (elf: Elf): string => {
  const section = elf.section('license');
  if (section === undefined) return '';
  const bytes = elf.contents(section);
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
};

const readVersion = (elf: Elf): number => {
  const section = elf.section('version');
  if (section === undefined) return 0;
  const bytes = elf.contents(section);
  if (bytes.length !== 4)
    throw elfError(elf.file, 0, `the version has ${bytes.length} bytes, not 4`, 'version');
  return elf.view.getUint32(section.offset, true);
};

const byName = (elf: Elf, maps: readonly MapSpec[]): ReadonlyMap<string, MapSpec> => {
  const named = new Map<string, MapSpec>();
  for (const map of maps) {
    if (named.has(map.name))
      throw elfError(elf.file, 0, `a second map ${map.name}`, map.data?.section ?? MAPS_SECTION);
    named.set(map.name, map);
  }
  return named;
};

/**
 * Reads an object file that clang built with `-target bpf`. The same bytes give the same result anywhere; they may be
 * changed afterwards.
 * @throws {FormatError} for whatever is malformed or not supported, with the place and the rule.
 */
export const readObject = (
  bytes: Uint8Array,
  options: { readonly file: string },
): CollectionSpec => {
  const { file } = options;
  const elf = readElf(bytes, options);
  checkBpf(elf);
  const symbols = readSymbols(elf);
  const functions = readFunctions(elf, symbols);
  const { types, externs } = readObjectBtf(elf, symbols, functions);
  const btf = types?.btf;
  const mapsIndex = elf.section(MAPS_SECTION)?.index ?? -1;
  const relocations = collectRelocations(
    elf,
    symbols,
    (s) => functions.has(s.index) || s.index === mapsIndex || isDataSection(s),
  );
  refuseDataRelocations(elf, symbols, relocations);
  const declared = readMaps(elf, types);
  const dataMaps = readDataMaps(elf, types, externs);
  const uses = {
    elf,
    symbols,
    functions,
    externs,
    maps: { section: mapsIndex, byOffset: new Map(declared.map((m) => [m.offset, m.spec.name])) },
    data: new Map(elf.sections.filter(isDataSection).map((s) => [s.index, s.name])),
  };
  const programs = readPrograms(linkContext(uses, btf, relocations), functions);
  const filled = fillSlots(uses, declared, relocations.get(mapsIndex) ?? [], programs);
  return {
    file,
    programs,
    maps: byName(elf, [...filled, ...dataMaps]),
    variables: readVariables(types, dataMaps, externs),
    btf,
    license: readLicense(elf),
    kernVersion: readVersion(elf),
  };
};
