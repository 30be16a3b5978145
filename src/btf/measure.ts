import { formatError } from './raw.ts';
import type { Btf, BtfComposite, BtfType, Member, TypeId } from './types.ts';

/** How many types the kernel follows through each other (`MAX_RESOLVE_DEPTH`). */
const MAX_RESOLVE_DEPTH = 32;
const MAX_SIZE = 0xffffffff;
const POINTER_SIZE = 8;
const MAX_ALIGNMENT = 16;

/** What measuring a type needs of the reader. */
type Types = Pick<Btf, 'file' | 'type'>;

const tooDeep = (btf: Types, id: TypeId): never => {
  throw formatError(
    btf.file,
    0,
    `type ${id} refers to itself or through more than ${MAX_RESOLVE_DEPTH} types`,
  );
};

type Modifier = Extract<
  BtfType,
  { kind: 'typedef' | 'const' | 'volatile' | 'restrict' | 'type_tag' }
>;

/** A type that adds something to another one and has its layout (`btf_type_is_modifier`). */
export const isModifier = (type: BtfType): type is Modifier =>
  type.kind === 'typedef' ||
  type.kind === 'const' ||
  type.kind === 'volatile' ||
  type.kind === 'restrict' ||
  type.kind === 'type_tag';

/** See {@link Btf.resolve}. */
export const resolveType = (btf: Types, id: TypeId): TypeId => {
  let at = id;
  for (let depth = 0; depth <= MAX_RESOLVE_DEPTH; depth++) {
    const type = btf.type(at);
    if (!isModifier(type)) return at;
    at = type.type;
  }
  return tooDeep(btf, id);
};

/** The largest power of two that divides the size, as far as the ABI aligns scalars. */
const scalarAlignment = (size: number): number =>
  Math.min(MAX_ALIGNMENT, Math.max(1, size & -size));

const noLayout = (btf: Types, type: BtfType): never => {
  throw formatError(btf.file, 0, `type ${type.id} is a ${type.kind}, which has no size`);
};

/** See {@link Btf.sizeOf}. */
export const sizeOfType = (btf: Types, id: TypeId): number => {
  let factor = 1;
  let at = id;
  const sized = (size: number): number => {
    if (size * factor > MAX_SIZE)
      throw formatError(btf.file, 0, `type ${id} has a size of more than 32 bits`);
    return size * factor;
  };
  for (let depth = 0; depth <= MAX_RESOLVE_DEPTH; depth++) {
    const type = btf.type(at);
    switch (type.kind) {
      case 'int':
      case 'struct':
      case 'union':
      case 'enum':
      case 'enum64':
      case 'datasec':
      case 'float':
        return sized(type.size);
      case 'ptr':
        return sized(POINTER_SIZE);
      case 'array':
        factor *= type.length;
        at = type.element;
        break;
      case 'typedef':
      case 'volatile':
      case 'const':
      case 'restrict':
      case 'var':
      case 'decl_tag':
      case 'type_tag':
        at = type.type;
        break;
      case 'void':
      case 'fwd':
      case 'func':
      case 'func_proto':
        return noLayout(btf, type);
      default:
        return type satisfies never;
    }
  }
  return tooDeep(btf, id);
};

/** BTF before Linux 4.20 says in the type of a member, an integer of few bits, that it is a bitfield. */
export const asBitfield = (btf: Types, member: Member): Member => {
  if (member.bitSize !== 0) return member;
  const type = btf.type(resolveType(btf, member.type));
  if (type.kind !== 'int' || (type.bits === type.size * 8 && type.bitOffset === 0)) return member;
  return { ...member, bitSize: type.bits, bitOffset: member.bitOffset + type.bitOffset };
};

/** Whether a bitfield goes over the end of a unit of its type, as only `packed` lets it. */
export const isSplit = (btf: Types, member: Member): boolean => {
  const { bitOffset, bitSize } = asBitfield(btf, member);
  const unit = sizeOfType(btf, member.type) * 8;
  return bitSize !== 0 && (bitOffset % unit) + bitSize > unit;
};

/**
 * Returns {@link Btf.alignOf}. It remembers what it found, without which structs that hold each other twice would
 * take exponential time.
 */
export const createAlignOf = (btf: Types): ((id: TypeId) => number) => {
  const known = new Map<TypeId, number>();

  const fits = (member: Member, alignment: number): boolean => {
    const { bitOffset, bitSize } = asBitfield(btf, member);
    return bitSize === 0 ? bitOffset % (alignment * 8) === 0 : !isSplit(btf, member);
  };

  const ofComposite = (type: BtfComposite, depth: number): number => {
    let alignment = 1;
    for (const member of type.members) {
      const needed = alignOf(member.type, depth + 1);
      if (!fits(member, needed)) return 1;
      alignment = Math.max(alignment, needed);
    }
    return type.size % alignment === 0 ? alignment : 1;
  };

  const compute = (type: BtfType, depth: number): number => {
    switch (type.kind) {
      case 'int':
      case 'enum':
      case 'enum64':
      case 'float':
        return scalarAlignment(type.size);
      case 'ptr':
        return POINTER_SIZE;
      case 'array':
        return alignOf(type.element, depth + 1);
      case 'struct':
      case 'union':
        return ofComposite(type, depth);
      case 'typedef':
      case 'volatile':
      case 'const':
      case 'restrict':
      case 'var':
      case 'decl_tag':
      case 'type_tag':
        return alignOf(type.type, depth + 1);
      case 'void':
      case 'fwd':
      case 'func':
      case 'func_proto':
      case 'datasec':
        return noLayout(btf, type);
      default:
        return type satisfies never;
    }
  };

  const alignOf = (id: TypeId, depth: number): number => {
    const before = known.get(id);
    if (before !== undefined) return before;
    if (depth > MAX_RESOLVE_DEPTH) tooDeep(btf, id);
    const alignment = compute(btf.type(id), depth);
    known.set(id, alignment);
    return alignment;
  };
  return (id) => alignOf(id, 0);
};
