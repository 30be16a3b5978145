import type {
  Btf,
  BtfComposite,
  BtfEnum,
  BtfFuncProto,
  BtfInt,
  BtfType,
  TypeId,
} from '../types.ts';
import { essentialName, namesMatch } from './names.ts';
import { isComposite, isEnum, layoutOf, refuse } from './spec.ts';

/** How deep libbpf follows types into each other, and function prototypes or members into types. */
const MAX_DEPTH = 32;
/** Comparisons of one relocation; far more than any real pair of types needs. */
const MAX_COMPARISONS = 4_000_000;

/** Enums of both widths may stand for each other (`btf_kind_core_compat`). */
export const kindsAreCompatible = (local: BtfType, target: BtfType): boolean =>
  local.kind === target.kind || (isEnum(local) && isEnum(target));

const isPlain = (type: BtfInt): boolean => type.bitOffset === 0;

const sameSignature = (
  local: BtfFuncProto,
  target: BtfFuncProto,
  same: (local: TypeId, target: TypeId) => boolean,
): boolean =>
  local.params.length === target.params.length &&
  local.params.every(({ type }, i) => same(type, target.params[i]?.type ?? 0)) &&
  same(local.returns, target.returns);

/**
 * Whether a field of the one type may be read as a field of the other: any two structs or unions, any two pointers,
 * integers of any size and sign, arrays of any length (`bpf_core_fields_are_compat` of libbpf).
 */
export const fieldsAreCompatible = (
  local: Btf,
  localId: TypeId,
  target: Btf,
  targetId: TypeId,
  depth = MAX_DEPTH,
): boolean => {
  const a = layoutOf(local, localId);
  const b = layoutOf(target, targetId);
  if (isComposite(a) && isComposite(b)) return true;
  if (!kindsAreCompatible(a, b)) return false;
  switch (a.kind) {
    case 'ptr':
    case 'float':
      return true;
    case 'fwd':
    case 'enum':
    case 'enum64':
      return a.name === '' || b.name === '' || essentialName(a.name) === essentialName(b.name);
    case 'int':
      return isPlain(a) && isPlain(b as BtfInt);
    case 'array':
      if (depth === 0) return refuse('arrays are nested too deep');
      return (
        b.kind === 'array' && fieldsAreCompatible(local, a.element, target, b.element, depth - 1)
      );
    case 'void':
    case 'struct':
    case 'union':
    case 'func':
    case 'func_proto':
    case 'datasec':
    case 'var':
    case 'decl_tag':
    case 'typedef':
    case 'const':
    case 'volatile':
    case 'restrict':
    case 'type_tag':
      return false;
    default:
      return a satisfies never;
  }
};

/** One comparison of a local type with a target's; counts steps, since hostile types can refer to each other. */
export interface Comparison {
  readonly local: Btf;
  readonly target: Btf;
  steps: number;
}

const step = (compare: Comparison, depth: number): void => {
  if (depth < 0) refuse(`types are nested more than ${MAX_DEPTH} deep`);
  if (++compare.steps > MAX_COMPARISONS) refuse('types refer to each other too often');
};

/**
 * Whether two types of one name are near enough to be the same: only kinds are compared, through pointers, arrays
 * and function prototypes, not members (`bpf_core_types_are_compat` of libbpf).
 */
export const typesAreCompatible = (
  compare: Comparison,
  localId: TypeId,
  targetId: TypeId,
  depth = MAX_DEPTH,
): boolean => {
  step(compare, depth);
  const a = layoutOf(compare.local, localId);
  const b = layoutOf(compare.target, targetId);
  if (!kindsAreCompatible(a, b)) return false;
  const same = (x: TypeId, y: TypeId): boolean => typesAreCompatible(compare, x, y, depth - 1);
  switch (a.kind) {
    case 'void':
    case 'struct':
    case 'union':
    case 'enum':
    case 'enum64':
    case 'fwd':
      return true;
    case 'int':
      return isPlain(a) && isPlain(b as BtfInt);
    case 'ptr':
      return b.kind === 'ptr' && same(a.type, b.type);
    case 'array':
      return b.kind === 'array' && same(a.element, b.element);
    case 'func_proto':
      return b.kind === 'func_proto' && sameSignature(a, b, same);
    case 'float':
    case 'func':
    case 'datasec':
    case 'var':
    case 'decl_tag':
    case 'typedef':
    case 'const':
    case 'volatile':
    case 'restrict':
    case 'type_tag':
      return false;
    default:
      return a satisfies never;
  }
};

const enumsMatch = (compare: Comparison, a: BtfEnum, b: BtfEnum): boolean =>
  a.size === b.size &&
  a.values.length <= b.values.length &&
  a.values.every(({ name }) =>
    b.values.some((other) => {
      step(compare, 0);
      return namesMatch(name, other.name);
    }),
  );

/** A forward declaration stands for a struct or union of its kind, but only behind a pointer. */
const declared = (type: BtfType): string => (type.kind === 'fwd' ? type.of : type.kind);

const compositesMatch = (
  compare: Comparison,
  a: BtfComposite,
  b: BtfComposite,
  depth: number,
): boolean =>
  a.members.length <= b.members.length &&
  a.members.every((member) =>
    b.members.some((other) => {
      step(compare, depth);
      return (
        namesMatch(member.name, other.name) &&
        typesMatch(compare, member.type, other.type, false, depth - 1)
      );
    }),
  );

/**
 * Whether all that the local type says holds for the target's: same kinds, names, sizes and signs; every local
 * member and enumerator exists in the target. Behind a pointer, structs and unions are compared by name only
 * (`bpf_core_types_match` of libbpf).
 */
export const typesMatch = (
  compare: Comparison,
  localId: TypeId,
  targetId: TypeId,
  behindPointer = false,
  depth = MAX_DEPTH,
): boolean => {
  step(compare, depth);
  const a = layoutOf(compare.local, localId);
  const b = layoutOf(compare.target, targetId);
  if (!namesMatch(a.name, b.name)) return false;
  const same = (x: TypeId, y: TypeId, pointer = behindPointer): boolean =>
    typesMatch(compare, x, y, pointer, depth - 1);
  switch (a.kind) {
    case 'void':
      return b.kind === 'void';
    case 'fwd':
      return behindPointer ? a.of === declared(b) : b.kind === 'fwd' && a.of === b.of;
    case 'enum':
    case 'enum64':
      return isEnum(b) && enumsMatch(compare, a, b);
    case 'struct':
    case 'union':
      if (behindPointer) return a.kind === declared(b);
      return a.kind === b.kind && compositesMatch(compare, a, b, depth);
    case 'int':
      return b.kind === 'int' && a.size === b.size && a.signed === b.signed;
    case 'ptr':
      return b.kind === 'ptr' && same(a.type, b.type, true);
    case 'array':
      return b.kind === 'array' && a.length === b.length && same(a.element, b.element);
    case 'func_proto':
      return b.kind === 'func_proto' && sameSignature(a, b, same);
    case 'float':
    case 'func':
    case 'datasec':
    case 'var':
    case 'decl_tag':
    case 'typedef':
    case 'const':
    case 'volatile':
    case 'restrict':
    case 'type_tag':
      return false;
    default:
      return a satisfies never;
  }
};
