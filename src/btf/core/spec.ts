import type { Btf, BtfArray, BtfComposite, BtfEnum, BtfType, TypeId } from '../types.ts';
import type { CoreKind, CoreSpec } from './types.ts';

/** One step that a reader of the source would see: a named member, or an array index when there is no name. */
export interface Accessor {
  /** The struct or union that has the member, or the type of the array's element. */
  readonly type: TypeId;
  readonly index: number;
  readonly name: string | undefined;
}

/** How one field, type or enumerator is reached in one BTF (`struct bpf_core_spec` of libbpf). */
export interface AccessSpec {
  readonly btf: Btf;
  readonly root: TypeId;
  readonly kind: CoreKind;
  /** Every step, those through anonymous members included. */
  readonly raw: readonly number[];
  readonly path: readonly Accessor[];
  readonly bitOffset: number;
}

/** Why a relocation cannot be carried out. Thrown and caught inside this folder only. */
export class CoreRefusal extends Error {
  override readonly name = 'CoreRefusal';
}
export const refuse = (reason: string): never => {
  throw new CoreRefusal(reason);
};

/** `BPF_CORE_SPEC_MAX_LEN` of libbpf. */
export const MAX_STEPS = 64;

export const isTypeBased = (kind: CoreKind): boolean => kind.includes('type_');
export const isEnumBased = (kind: CoreKind): boolean => kind.startsWith('enumval_');

export const isComposite = (type: BtfType): type is BtfComposite =>
  type.kind === 'struct' || type.kind === 'union';
export const isEnum = (type: BtfType): type is BtfEnum =>
  type.kind === 'enum' || type.kind === 'enum64';

/** The type without its typedefs and qualifiers. */
export const layoutOf = (btf: Btf, id: TypeId): BtfType => btf.type(btf.resolve(id));

/** `int foo` as libbpf names a type. */
export const describeType = (type: BtfType): string => `${type.kind} ${type.name || '<anon>'}`;

const MAX_ARRAY_DEPTH = 32;

/** Size in bytes as libbpf's `btf__resolve_size` sees it: void, functions and forward declarations have none. */
export const sizeOf = (btf: Btf, id: TypeId): number => {
  let count = 1;
  let type = layoutOf(btf, id);
  for (let depth = 0; type.kind === 'array' && depth < MAX_ARRAY_DEPTH; depth++) {
    count *= type.length;
    type = layoutOf(btf, type.element);
  }
  if (type.kind === 'ptr') return count * 8;
  const size = 'size' in type ? count * type.size : refuse(`${describeType(type)} has no size`);
  return size <= 0xffff_ffff ? size : refuse(`${describeType(type)} has no size below 4 GiB`);
};

/** An array without a length at the end of a struct may be indexed past it. */
export const isFlexibleArray = (
  btf: Btf,
  holder: Accessor | undefined,
  array: BtfArray,
): boolean => {
  if (holder?.name === undefined || array.length > 0) return false;
  const struct = btf.type(holder.type);
  return isComposite(struct) && holder.index === struct.members.length - 1;
};

const parseAccess = (access: string): readonly number[] => {
  if (!/^\d+(:\d+)*$/.test(access)) refuse(`access string "${access}" is not a list of numbers`);
  const raw = access.split(':').map(Number);
  if (raw.length > MAX_STEPS)
    refuse(`access string has ${raw.length} steps, at most ${MAX_STEPS} are allowed`);
  return raw;
};

interface FieldWalk {
  readonly btf: Btf;
  readonly path: Accessor[];
  type: TypeId;
  bitOffset: number;
}

const stepIntoMember = (walk: FieldWalk, holder: BtfComposite, index: number): void => {
  const member = holder.members[index];
  if (member === undefined)
    return refuse(
      `${describeType(holder)} has ${holder.members.length} members, no member ${index}`,
    );
  walk.bitOffset += member.bitOffset;
  if (member.name !== '') walk.path.push({ type: holder.id, index, name: member.name });
  walk.type = member.type;
};

const stepIntoElement = (walk: FieldWalk, array: BtfArray, index: number): void => {
  if (index >= array.length && !isFlexibleArray(walk.btf, walk.path.at(-1), array))
    return refuse(`index ${index} is outside an array of ${array.length}`);
  const element = walk.btf.resolve(array.element);
  walk.path.push({ type: element, index, name: undefined });
  walk.bitOffset += index * sizeOf(walk.btf, element) * 8;
  walk.type = element;
};

const walkFields = (btf: Btf, root: TypeId, raw: readonly number[]): FieldWalk => {
  const [first = 0, ...rest] = raw;
  const type = btf.resolve(root);
  const walk: FieldWalk = {
    btf,
    path: [{ type, index: first, name: undefined }],
    type,
    bitOffset: first * sizeOf(btf, type) * 8,
  };
  for (const index of rest) {
    const holder = layoutOf(btf, walk.type);
    if (isComposite(holder)) stepIntoMember(walk, holder, index);
    else if (holder.kind === 'array') stepIntoElement(walk, holder, index);
    else refuse(`step ${index} of the access goes into ${describeType(holder)}`);
  }
  return walk;
};

/**
 * Reads an access string against the object's own BTF (`bpf_core_parse_spec` of libbpf).
 * @throws {CoreRefusal} if the two do not fit.
 */
export const parseSpec = (btf: Btf, root: TypeId, access: string, kind: CoreKind): AccessSpec => {
  if (isTypeBased(kind)) {
    if (access !== '0') refuse(`access string "${access}" of a relocation of a type is not "0"`);
    return { btf, root, kind, raw: [], path: [], bitOffset: 0 };
  }
  const raw = parseAccess(access);
  if (!isEnumBased(kind)) {
    const { path, bitOffset } = walkFields(btf, root, raw);
    return { btf, root, kind, raw, path, bitOffset };
  }
  const type = layoutOf(btf, root);
  const [index = 0] = raw;
  const name = isEnum(type) && raw.length === 1 ? type.values[index]?.name : undefined;
  if (name === undefined) return refuse(`${describeType(type)} has no enumerator ${access}`);
  return { btf, root, kind, raw, path: [{ type: type.id, index, name }], bitOffset: 0 };
};

const enumeratorText = (spec: AccessSpec): string => {
  const type = layoutOf(spec.btf, spec.root);
  const value = isEnum(type) ? type.values[spec.path[0]?.index ?? 0] : undefined;
  return value === undefined ? '' : `::${value.name} = ${value.value}`;
};

const fieldText = (spec: AccessSpec): string => {
  const steps = spec.path.map(({ name, index }, i) => {
    if (name !== undefined) return `.${name}`;
    return i > 0 || index > 0 ? `[${index}]` : '';
  });
  const bits = spec.bitOffset % 8;
  const offset = `${(spec.bitOffset - bits) / 8}${bits === 0 ? '' : `.${bits}`}`;
  return `${steps.join('')} (${spec.raw.join(':')} @ offset ${offset})`;
};

/** A spec in the words of libbpf's debug output, without the kind and the type id. */
export const formatSpec = (spec: AccessSpec): CoreSpec => {
  const root = describeType(spec.btf.type(spec.root));
  let steps = '';
  if (isEnumBased(spec.kind)) steps = enumeratorText(spec);
  else if (!isTypeBased(spec.kind)) steps = fieldText(spec);
  return { file: spec.btf.file, typeId: spec.root, text: root + steps };
};
