import type { Btf, BtfComposite, TypeId } from '../types.ts';
import { fieldsAreCompatible, typesAreCompatible, typesMatch } from './compat.ts';
import { essentialName, nearestNames } from './names.ts';
import {
  describeType,
  isComposite,
  isEnum,
  isEnumBased,
  isFlexibleArray,
  isTypeBased,
  layoutOf,
  MAX_STEPS,
  refuse,
  sizeOf,
  type Accessor,
  type AccessSpec,
} from './spec.ts';

/** A candidate that has no such field, enumerator or shape; told on demand, since most are never asked why. */
export interface Mismatch {
  readonly mismatch: () => string;
}

const suggest = (names: readonly string[]): string =>
  names.length === 0 ? '' : ` (nearest: ${names.join(', ')})`;

/** Names of all members, those of anonymous ones included. */
const memberNames = (
  btf: Btf,
  holder: BtfComposite,
  seen = new Set<TypeId>(),
): readonly string[] => {
  if (seen.has(holder.id)) return [];
  seen.add(holder.id);
  return holder.members.flatMap(({ name, type }) => {
    if (name !== '') return [name];
    const inner = layoutOf(btf, type);
    return isComposite(inner) ? memberNames(btf, inner, seen) : [];
  });
};

/** Progress of a walk through a target type, along the local path. */
interface Walk {
  readonly local: Btf;
  readonly target: Btf;
  readonly raw: number[];
  readonly path: Accessor[];
  type: TypeId;
  bitOffset: number;
}

const pushRaw = (walk: Walk, index: number): void => {
  if (walk.raw.length === MAX_STEPS) refuse(`members are nested more than ${MAX_STEPS} deep`);
  walk.raw.push(index);
};

const localMember = (walk: Walk, step: Accessor): TypeId => {
  const holder = walk.local.type(step.type);
  return isComposite(holder) ? (holder.members[step.index]?.type ?? 0) : 0;
};

/**
 * Looks for a member by name, in anonymous members as well. The first of the name decides, even if its type is
 * wrong. `barren` keeps anonymous types that were searched in vain, which bounds the time for hostile input.
 * @returns the type of the local member's counterpart, `undefined` if there is none, or a mismatch of types.
 */
const findMember = (
  walk: Walk,
  step: Accessor,
  holder: BtfComposite,
  barren: Set<TypeId>,
): TypeId | Mismatch | undefined => {
  for (const [index, member] of holder.members.entries()) {
    if (member.name !== '' && member.name !== step.name) continue;
    const inner = member.name === '' ? layoutOf(walk.target, member.type) : undefined;
    if (inner !== undefined && (!isComposite(inner) || barren.has(inner.id))) continue;
    pushRaw(walk, index);
    walk.bitOffset += member.bitOffset;
    if (inner === undefined) {
      const local = localMember(walk, step);
      walk.path.push({ type: holder.id, index, name: member.name });
      if (fieldsAreCompatible(walk.local, local, walk.target, member.type)) return member.type;
      const [ours, theirs] = [layoutOf(walk.local, local), layoutOf(walk.target, member.type)];
      const types = `${describeType(ours)} here, ${describeType(theirs)} there`;
      return { mismatch: () => `field ${member.name} has an incompatible type: ${types}` };
    }
    const found = findMember(walk, step, inner, barren);
    if (found !== undefined) return found;
    walk.raw.pop();
    walk.bitOffset -= member.bitOffset;
  }
  barren.add(holder.id);
  return undefined;
};

const stepIntoMember = (walk: Walk, step: Accessor): Mismatch | undefined => {
  const holder = layoutOf(walk.target, walk.type);
  if (!isComposite(holder)) return { mismatch: () => `${describeType(holder)} has no members` };
  const found = findMember(walk, step, holder, new Set());
  if (found === undefined) {
    const mismatch = (): string => {
      const near = nearestNames(step.name ?? '', memberNames(walk.target, holder));
      return `${describeType(holder)} has no field ${step.name}${suggest(near)}`;
    };
    return { mismatch };
  }
  if (typeof found === 'object') return found;
  walk.type = found;
  return undefined;
};

/** The first step indexes the root itself, as a pointer does; later ones go into an array. */
const stepIntoElement = (walk: Walk, { index }: Accessor): Mismatch | undefined => {
  let element = walk.target.resolve(walk.type);
  if (walk.path.length > 0) {
    const array = walk.target.type(element);
    if (array.kind !== 'array') return { mismatch: () => `${describeType(array)} is not an array` };
    if (index >= array.length && !isFlexibleArray(walk.target, walk.path.at(-1), array))
      return { mismatch: () => `index ${index} is outside an array of ${array.length}` };
    element = walk.target.resolve(array.element);
  }
  pushRaw(walk, index);
  walk.path.push({ type: element, index, name: undefined });
  walk.bitOffset += index * sizeOf(walk.target, element) * 8;
  walk.type = element;
  return undefined;
};

const matchField = (local: AccessSpec, target: Btf, root: TypeId): AccessSpec | Mismatch => {
  const walk: Walk = { local: local.btf, target, raw: [], path: [], type: root, bitOffset: 0 };
  for (const step of local.path) {
    const failed =
      step.name === undefined ? stepIntoElement(walk, step) : stepIntoMember(walk, step);
    if (failed !== undefined) return failed;
  }
  const { raw, path, bitOffset } = walk;
  return { btf: target, root, kind: local.kind, raw, path, bitOffset };
};

const matchEnumerator = (local: AccessSpec, target: Btf, root: TypeId): AccessSpec | Mismatch => {
  const type = layoutOf(target, root);
  if (!isEnum(type)) return { mismatch: () => `${describeType(type)} is not an enum` };
  const wanted = essentialName(local.path[0]?.name ?? '');
  const index = type.values.findIndex(({ name }) => essentialName(name) === wanted);
  const name = type.values[index]?.name;
  if (name === undefined) {
    const mismatch = (): string => {
      const names = type.values.map((value) => value.name);
      return `${describeType(type)} has no enumerator ${wanted}${suggest(nearestNames(wanted, names))}`;
    };
    return { mismatch };
  }
  const path = [{ type: type.id, index, name }];
  return { btf: target, root, kind: local.kind, raw: [index], path, bitOffset: 0 };
};

const matchType = (local: AccessSpec, target: Btf, root: TypeId): AccessSpec | Mismatch => {
  const comparison = { local: local.btf, target, steps: 0 };
  const match = local.kind === 'type_matches' ? typesMatch : typesAreCompatible;
  if (!match(comparison, local.root, root))
    return { mismatch: () => `${describeType(target.type(root))} does not match` };
  return { btf: target, root, kind: local.kind, raw: [], path: [], bitOffset: 0 };
};

/**
 * Finds in a target type what the local spec describes (`bpf_core_spec_match` of libbpf).
 * @throws {CoreRefusal} for types too deep or without a size, at which libbpf gives up.
 */
export const matchSpec = (local: AccessSpec, target: Btf, root: TypeId): AccessSpec | Mismatch => {
  if (isTypeBased(local.kind)) return matchType(local, target, root);
  if (isEnumBased(local.kind)) return matchEnumerator(local, target, root);
  return matchField(local, target, root);
};
