import type { BtfType, Member, TypeId } from '../types.ts';
import {
  describeType,
  isComposite,
  isEnum,
  isEnumBased,
  isTypeBased,
  layoutOf,
  refuse,
  sizeOf,
  type AccessSpec,
} from './spec.ts';

/** What one side of a relocation amounts to. */
export interface CoreValue {
  /** As an unsigned number of 64 bits. */
  readonly value: bigint;
  /** Whether the instruction must hold exactly the local value before it is patched. */
  readonly validate: boolean;
  /** What a load or store at a relocated offset accesses; undefined if its width is not to be changed. */
  readonly access: Access | undefined;
}
export interface Access {
  /** In bytes; of one element for an array. */
  readonly size: number;
  readonly type: BtfType;
}

const exact = (value: number | bigint): CoreValue => ({
  value: BigInt.asUintN(64, BigInt(value)),
  validate: true,
  access: undefined,
});

const accessOf = (spec: AccessSpec, id: TypeId): Access => {
  const type = layoutOf(spec.btf, id);
  let element = type;
  for (let depth = 0; element.kind === 'array' && depth < 32; depth++)
    element = layoutOf(spec.btf, element.element);
  return { size: sizeOf(spec.btf, element.id), type };
};

/** Where the bits of a field are loaded from. Offsets in bits count from the start of the root. */
interface FieldPlace {
  readonly byteOffset: number;
  readonly byteSize: number;
  readonly bitOffset: number;
  readonly bitSize: number;
}

/** The smallest aligned integer, at least as wide as the declared one, that holds the whole bitfield. */
const bitfieldPlace = (bitOffset: number, bitSize: number, declaredSize: number): FieldPlace => {
  const alignedTo = (size: number): number => Math.floor(bitOffset / 8 / size) * size;
  let byteSize = declaredSize;
  while (bitOffset + bitSize > (alignedTo(byteSize) + byteSize) * 8) {
    if (byteSize >= 8) refuse('the bitfield cannot be read with one load of 8 bytes');
    byteSize *= 2;
  }
  return { byteOffset: alignedTo(byteSize), byteSize, bitOffset, bitSize };
};

const memberPlace = (spec: AccessSpec, member: Member, type: BtfType): FieldPlace => {
  const { bitOffset } = spec;
  if (member.bitSize > 0) {
    if (type.kind !== 'int' && !isEnum(type)) return refuse(`a bitfield is ${describeType(type)}`);
    if (type.size === 0) return refuse('a bitfield has a type without a size');
    return bitfieldPlace(bitOffset, member.bitSize, type.size);
  }
  const byteSize = sizeOf(spec.btf, type.id);
  return { byteOffset: Math.floor(bitOffset / 8), byteSize, bitOffset, bitSize: byteSize * 8 };
};

const isSigned = (type: BtfType): boolean => (type.kind === 'int' || isEnum(type)) && type.signed;

/** Compilers may load a bitfield otherwise than we do, so only its sign and its right shift are validated. */
const memberValue = (spec: AccessSpec, member: Member): CoreValue => {
  const type = layoutOf(spec.btf, member.type);
  const place = memberPlace(spec, member, type);
  const isBitfield = member.bitSize > 0;
  const loose = (value: number): CoreValue => ({ ...exact(value), validate: !isBitfield });
  if (spec.kind === 'byte_off')
    return { ...loose(place.byteOffset), access: isBitfield ? undefined : accessOf(spec, type.id) };
  if (spec.kind === 'byte_sz') return loose(place.byteSize);
  if (spec.kind === 'signed') return exact(isSigned(type) ? 1 : 0);
  if (spec.kind === 'rshift_u64') return exact(64 - place.bitSize);
  return loose(64 - (place.bitOffset + place.bitSize - place.byteOffset * 8));
};

const elementValue = (spec: AccessSpec, id: TypeId): CoreValue => {
  if (spec.kind === 'byte_sz') return exact(sizeOf(spec.btf, id));
  if (spec.kind !== 'byte_off') return refuse(`${spec.kind} does not apply to an array element`);
  return { ...exact(Math.floor(spec.bitOffset / 8)), access: accessOf(spec, id) };
};

const fieldValue = (spec: AccessSpec): CoreValue => {
  if (spec.kind === 'field_exists') return exact(1);
  const last = spec.path.at(-1);
  if (last === undefined) return refuse('the access string is empty');
  if (last.name === undefined) return elementValue(spec, last.type);
  const holder = spec.btf.type(last.type);
  const member = isComposite(holder) ? holder.members[last.index] : undefined;
  return member === undefined ? refuse('the member is gone') : memberValue(spec, member);
};

const typeValue = (spec: AccessSpec): CoreValue => {
  if (spec.kind === 'type_size') return exact(sizeOf(spec.btf, spec.root));
  if (spec.kind === 'type_exists' || spec.kind === 'type_matches') return exact(1);
  // Linking renumbers types without touching instructions, so an id in one proves nothing.
  return { ...exact(spec.root), validate: false };
};

/** Enumerators of 32 bits are sign-extended, whether the enum is signed or not, as libbpf does. */
const enumeratorValue = (spec: AccessSpec): CoreValue => {
  if (spec.kind === 'enumval_exists') return exact(1);
  const [step] = spec.path;
  const type = spec.btf.type(step?.type ?? 0);
  const found = isEnum(type) ? type.values[step?.index ?? 0] : undefined;
  if (found === undefined) return refuse('the enumerator is gone');
  const value = type.kind === 'enum' ? BigInt.asIntN(32, found.value) : found.value;
  return exact(value);
};

/**
 * The value that a relocation of this kind takes from a spec (`bpf_core_calc_relo` of libbpf).
 * @throws {CoreRefusal} if the kind does not apply to what the spec reaches.
 */
export const valueOf = (spec: AccessSpec): CoreValue => {
  if (isTypeBased(spec.kind)) return typeValue(spec);
  return isEnumBased(spec.kind) ? enumeratorValue(spec) : fieldValue(spec);
};
