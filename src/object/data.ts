import { BPF_F } from '../abi/enums.gen.ts';
import type { Btf, BtfDatasec, BtfVar, TypeId } from '../btf/types.ts';
import { elfError, SHT, type Elf, type ElfSection } from './elf.ts';
import type { Externs } from './externs.ts';
import type { MapSpec, VariableSpec } from './spec.ts';

export const KCONFIG_SECTION = '.kconfig';
/** Nobody's globals are larger; a file of a few bytes may claim any size for its `.bss`. */
const MAX_DATA_SIZE = 256 * 1024 * 1024;

const isNamed = (section: ElfSection, name: string): boolean =>
  section.name === name || section.name.startsWith(`${name}.`);

/** Sections whose contents become the one value of an array map. */
export const isDataSection = (section: ElfSection): boolean => {
  if (section.size === 0) return false;
  if (section.type === SHT.NOBITS) return isNamed(section, '.bss');
  return (
    section.type === SHT.PROGBITS && (isNamed(section, '.data') || isNamed(section, '.rodata'))
  );
};

/** An object's BTF together with the places of its DATASECs. */
export interface ObjectBtf {
  readonly btf: Btf;
  readonly datasecs: ReadonlyMap<string, TypeId>;
}

export const findDatasec = (types: ObjectBtf | undefined, name: string): BtfDatasec | undefined => {
  const id = types?.datasecs.get(name);
  const type = id === undefined ? undefined : types?.btf.type(id);
  return type?.kind === 'datasec' ? type : undefined;
};

const variableOf = (btf: Btf, id: number, section: string): BtfVar => {
  const type = btf.type(id);
  if (type.kind === 'var') return type;
  throw elfError(btf.file, 0, `type ${id} in the BTF of the section is no variable`, section);
};

const makeMap = (
  types: ObjectBtf | undefined,
  name: string,
  contents: Uint8Array,
  readonly: boolean,
): MapSpec => {
  const datasec = findDatasec(types, name);
  // Static variables alone give user space nothing to find, so libbpf does not make such a section mappable.
  const mappable = datasec?.vars.some(
    (v) => types !== undefined && variableOf(types.btf, v.type, name).linkage !== 'static',
  );
  return {
    name,
    type: 'ARRAY',
    keySize: 4,
    valueSize: contents.length,
    maxEntries: 1,
    flags: (readonly ? BPF_F.RDONLY_PROG : 0) | (mappable === true ? BPF_F.MMAPABLE : 0),
    mapExtra: 0n,
    numaNode: undefined,
    pinning: 'none',
    keyType: datasec === undefined ? undefined : 0,
    valueType: datasec?.id,
    inner: undefined,
    slots: new Map(),
    data: { section: name, contents, readonly },
  };
};

/** Maps of the data sections in the order of the file, then `.kconfig`, whose contents are zeros. */
export const readDataMaps = (
  elf: Elf,
  types: ObjectBtf | undefined,
  externs: Externs,
): readonly MapSpec[] => {
  const names = new Set<string>();
  let total = 0;
  const maps = elf.sections.filter(isDataSection).map((section) => {
    const fail = (rule: string): never => {
      throw elfError(elf.file, 0, rule, section.name);
    };
    if (names.has(section.name)) fail('there are two data sections of this name');
    names.add(section.name);
    total += section.size;
    if (total > MAX_DATA_SIZE)
      fail(`data sections together are larger than ${MAX_DATA_SIZE} bytes`);
    const contents =
      section.type === SHT.NOBITS ? new Uint8Array(section.size) : elf.contents(section).slice();
    return makeMap(types, section.name, contents, isNamed(section, '.rodata'));
  });
  if (externs.kconfig.length > 0)
    maps.push(makeMap(types, KCONFIG_SECTION, new Uint8Array(externs.kconfigSize), true));
  return maps;
};

interface Found {
  readonly variable: VariableSpec;
  readonly isStatic: boolean;
}

const sectionVariables = (types: ObjectBtf, map: MapSpec): readonly Found[] =>
  (findDatasec(types, map.name)?.vars ?? []).map(({ type: id, offset, size }) => {
    const { btf } = types;
    const { name, type: typeId, linkage } = variableOf(btf, id, map.name);
    if (offset + size > map.valueSize)
      throw elfError(btf.file, offset, `variable ${name} goes past the end`, map.name);
    const variable = { name, map: map.name, offset, size, typeId, extern: false, weak: false };
    return { variable, isStatic: linkage === 'static' };
  });

/**
 * Global variables of the data sections by name. Static ones of different functions may share a name: the first keeps
 * it, each further one is `name@section+offset`.
 */
export const readVariables = (
  types: ObjectBtf | undefined,
  maps: readonly MapSpec[],
  externs: Externs,
): ReadonlyMap<string, VariableSpec> => {
  const variables = new Map<string, VariableSpec>();
  if (types === undefined) return variables;
  const found = maps
    .filter((map) => map.name !== KCONFIG_SECTION)
    .flatMap((map) => sectionVariables(types, map));
  const taken = new Set(found.filter((f) => !f.isStatic).map((f) => f.variable.name));
  for (const { variable, isStatic } of found) {
    const { name, map, offset } = variable;
    const unique = isStatic && taken.has(name) ? `${name}@${map}+${offset}` : name;
    taken.add(unique);
    variables.set(unique, { ...variable, name: unique });
  }
  for (const { name, offset, size, typeId, weak } of externs.kconfig)
    variables.set(name, { name, map: KCONFIG_SECTION, offset, size, typeId, extern: true, weak });
  return variables;
};
