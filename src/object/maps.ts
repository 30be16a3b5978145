import { BPF_MAP_TYPE } from '../abi/enums.gen.ts';
import type { Btf, BtfComposite, Member, SectionVar, TypeId } from '../btf/types.ts';
import { findDatasec, type ObjectBtf } from './data.ts';
import { elfError, type Elf } from './elf.ts';
import type { MapSpec } from './spec.ts';

export const MAPS_SECTION = '.maps';
const MAP_TYPE_NAMES: ReadonlyMap<number, string> = new Map(
  // Names that Linux added later for the same number give way to the first.
  Object.entries(BPF_MAP_TYPE)
    .toReversed()
    .map(([name, value]) => [value, name]),
);

/** A map of the `.maps` section, and where its definition lies. */
export interface DeclaredMap {
  readonly spec: MapSpec;
  /** In bytes into the section. */
  readonly offset: number;
  readonly size: number;
  /** Where the member `values` starts, in bytes into the definition; undefined when there is none. */
  readonly valuesOffset: number | undefined;
  /** What the object may put in the map's slots. */
  readonly holds: 'map' | 'program' | undefined;
}

/** What the members of one definition say. */
interface Draft {
  readonly btf: Btf;
  readonly name: string;
  readonly isInner: boolean;
  type: number;
  keySize: number;
  valueSize: number;
  maxEntries: number;
  flags: number;
  mapExtra: bigint;
  numaNode: number | undefined;
  pinning: MapSpec['pinning'];
  keyType: TypeId | undefined;
  valueType: TypeId | undefined;
  inner: MapSpec | undefined;
  valuesOffset: number | undefined;
  readonly fail: (rule: string) => never;
}

/** `__uint(name, value)`: a pointer to an array whose length is the value. */
const uintValue = (draft: Draft, member: Member): number => {
  const { btf } = draft;
  const pointer = btf.type(btf.resolve(member.type));
  if (pointer.kind !== 'ptr') return draft.fail(`member ${member.name} is not made by __uint`);
  const array = btf.type(btf.resolve(pointer.type));
  return array.kind === 'array'
    ? array.length
    : draft.fail(`member ${member.name} is not made by __uint`);
};

/** `__uint` again, or `__ulong(name, value)`: an enum of one value. */
const ulongValue = (draft: Draft, member: Member): bigint => {
  const type = draft.btf.type(draft.btf.resolve(member.type));
  if (type.kind === 'enum' || type.kind === 'enum64') {
    const [first] = type.values;
    if (first !== undefined) return BigInt.asUintN(64, first.value);
  }
  return BigInt(uintValue(draft, member));
};

/** `__type(name, T)`: a pointer to T. */
const typeValue = (draft: Draft, member: Member): TypeId => {
  const pointer = draft.btf.type(draft.btf.resolve(member.type));
  return pointer.kind === 'ptr'
    ? pointer.type
    : draft.fail(`member ${member.name} is not made by __type`);
};

const setSize = (draft: Draft, which: 'key' | 'value', size: number): void => {
  const field = `${which}Size` as const;
  if (draft[field] !== 0 && draft[field] !== size)
    draft.fail(`conflicting ${which} sizes: ${draft[field]} and ${size}`);
  draft[field] = size;
};

const setType = (draft: Draft, which: 'key' | 'value', member: Member): void => {
  const id = typeValue(draft, member);
  setSize(draft, which, draft.btf.sizeOf(id));
  draft[`${which}Type`] = id;
};

const isMapInMap = (type: number): boolean =>
  type === BPF_MAP_TYPE.ARRAY_OF_MAPS || type === BPF_MAP_TYPE.HASH_OF_MAPS;

/** `__array(values, T)`: what the slots hold, and at the same time their initial values. */
const setValues = (draft: Draft, member: Member): void => {
  const { btf, fail } = draft;
  if (draft.isInner) fail('a map inside of an inner map is not supported');
  const array = btf.type(btf.resolve(member.type));
  if (array.kind !== 'array' || array.length !== 0)
    return fail('member values is not made by __array: it is not an array without a length');
  setSize(draft, 'value', 4);
  const pointer = btf.type(btf.resolve(array.element));
  const target = pointer.kind === 'ptr' ? btf.type(btf.resolve(pointer.type)) : pointer;
  if (isMapInMap(draft.type)) {
    if (pointer.kind !== 'ptr' || target.kind !== 'struct')
      return fail('the elements of values are not pointers to a map definition');
    draft.inner = toSpec(parseDefinition(btf, `${draft.name}.inner`, target, true, fail));
  } else if (draft.type === BPF_MAP_TYPE.PROG_ARRAY) {
    if (pointer.kind !== 'ptr' || target.kind !== 'func_proto')
      return fail('the elements of values are not pointers to functions');
  } else fail('only maps of maps and program arrays, with their type stated first, have values');
  draft.valuesOffset = member.bitOffset / 8;
};

const setPinning = (draft: Draft, member: Member): void => {
  const value = uintValue(draft, member);
  if (draft.isInner) draft.fail('an inner map cannot be pinned');
  if (value > 1) draft.fail(`unknown pinning ${value}`);
  draft.pinning = value === 1 ? 'by_name' : 'none';
};

const setMember = (draft: Draft, member: Member): void => {
  switch (member.name) {
    case 'type':
      draft.type = uintValue(draft, member);
      return;
    case 'max_entries':
      draft.maxEntries = uintValue(draft, member);
      return;
    case 'map_flags':
      draft.flags = uintValue(draft, member);
      return;
    case 'numa_node':
      draft.numaNode = uintValue(draft, member);
      return;
    case 'map_extra':
      draft.mapExtra = ulongValue(draft, member);
      return;
    case 'key_size':
      return setSize(draft, 'key', uintValue(draft, member));
    case 'value_size':
      return setSize(draft, 'value', uintValue(draft, member));
    case 'key':
      return setType(draft, 'key', member);
    case 'value':
      return setType(draft, 'value', member);
    case 'values':
      return setValues(draft, member);
    case 'pinning':
      return setPinning(draft, member);
    default:
      draft.fail(`unknown member ${member.name || '(without a name)'}`);
  }
};

const parseDefinition = (
  btf: Btf,
  name: string,
  definition: BtfComposite,
  isInner: boolean,
  fail: (rule: string) => never,
): Draft => {
  const draft: Draft = {
    btf,
    name,
    isInner,
    type: 0,
    keySize: 0,
    valueSize: 0,
    maxEntries: 0,
    flags: 0,
    mapExtra: 0n,
    numaNode: undefined,
    pinning: 'none',
    keyType: undefined,
    valueType: undefined,
    inner: undefined,
    valuesOffset: undefined,
    fail: (rule) => fail(isInner ? `inner map: ${rule}` : rule),
  };
  const seen = new Set<string>();
  definition.members.forEach((member, i) => {
    if (seen.has(member.name)) draft.fail(`member ${member.name} is given twice`);
    seen.add(member.name);
    if (member.name === 'values' && i + 1 < definition.members.length)
      draft.fail('values is not the last member');
    setMember(draft, member);
  });
  return draft;
};

const toSpec = (draft: Draft): MapSpec => {
  if (draft.type === BPF_MAP_TYPE.UNSPEC) draft.fail('the type is missing');
  return {
    name: draft.name,
    type: MAP_TYPE_NAMES.get(draft.type) ?? draft.fail(`map type ${draft.type} is not known`),
    keySize: draft.keySize,
    valueSize: draft.valueSize,
    maxEntries: draft.maxEntries,
    flags: draft.flags,
    mapExtra: draft.mapExtra,
    numaNode: draft.numaNode,
    pinning: draft.pinning,
    keyType: draft.keyType,
    valueType: draft.valueType,
    inner: draft.inner,
    slots: new Map(),
    data: undefined,
  };
};

const readMap = (elf: Elf, btf: Btf, variable: SectionVar, sectionSize: number): DeclaredMap => {
  const type = btf.type(variable.type);
  const fail = (rule: string): never => {
    throw elfError(elf.file, variable.offset, `map ${type.name}: ${rule}`, MAPS_SECTION);
  };
  if (type.kind !== 'var' || type.name === '') return fail('it is not a variable with a name');
  if (type.linkage !== 'global') fail(`it is ${type.linkage}; a map must be a global variable`);
  const definition = btf.type(btf.resolve(type.type));
  if (definition.kind !== 'struct')
    return fail(`its type is ${`${definition.kind} ${definition.name}`.trimEnd()}, not a struct`);
  if (variable.offset + variable.size > sectionSize || definition.size > variable.size)
    fail('it goes past the end of its section');
  const draft = parseDefinition(btf, type.name, definition, false, fail);
  const { valuesOffset } = draft;
  const holds = isMapInMap(draft.type) ? 'map' : 'program';
  return {
    spec: toSpec(draft),
    offset: variable.offset,
    size: variable.size,
    valuesOffset,
    holds: valuesOffset === undefined ? undefined : holds,
  };
};

/**
 * The maps that an object declares, in the order of the section.
 * @throws {FormatError} that names the map, for a definition that libbpf refuses as well.
 */
export const readMaps = (elf: Elf, types: ObjectBtf | undefined): readonly DeclaredMap[] => {
  const section = elf.section(MAPS_SECTION);
  if (section === undefined || section.size === 0) return [];
  if (types === undefined)
    throw elfError(elf.file, 0, 'maps need BTF, build with -g', MAPS_SECTION);
  const datasec = findDatasec(types, MAPS_SECTION);
  if (datasec === undefined)
    throw elfError(elf.file, 0, 'the BTF does not describe the section', MAPS_SECTION);
  return datasec.vars.map((variable) => readMap(elf, types.btf, variable, section.size));
};
