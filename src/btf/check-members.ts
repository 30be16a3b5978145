import type { Btf, BtfComposite, BtfInt, BtfKind, BtfType, Member, TypeId } from './types.ts';

const MAX_INT_BITS = 128;
const ENUM_BITS = 32;
const POINTER_SIZE = 8;

const SIZED: ReadonlySet<BtfKind> = new Set([
  'int',
  'struct',
  'union',
  'enum',
  'enum64',
  'float',
  'ptr',
  'array',
]);
/** The type behind modifiers if it has a size (`btf_type_id_size`). */
export const sizedType = (btf: Btf, id: TypeId): BtfType | undefined => {
  const type = btf.type(btf.resolve(id));
  return SIZED.has(type.kind) ? type : undefined;
};

/** Not a bitfield in disguise, and of a size that C has (`btf_type_int_is_regular`). */
export const isRegularInt = ({ bits, bitOffset }: BtfInt): boolean =>
  bitOffset === 0 && [8, 16, 32, 64, 128].includes(bits);

type Rule = string | undefined;

const exceeds = (struct: BtfComposite, bitOffset: number, bits: number): Rule => {
  const copied = bits + (bitOffset % 8);
  return Math.floor(bitOffset / 8) + Math.ceil(copied / 8) > struct.size
    ? 'Member exceeds struct_size'
    : undefined;
};

const checkIntMember = (struct: BtfComposite, m: Member, type: BtfInt, flag: boolean): Rule => {
  if (flag && !isRegularInt(type)) return 'Invalid member base type';
  if (flag && m.bitSize === 0 && m.bitOffset % 8 !== 0) return 'Invalid member offset';
  if (m.bitSize > type.bits) return 'Invalid member bitfield_size';
  const bits = m.bitSize || type.bits;
  const place = m.bitOffset + type.bitOffset;
  return bits + (place % 8) > MAX_INT_BITS
    ? `nr_copy_bits exceeds ${MAX_INT_BITS}`
    : exceeds(struct, place, bits);
};

const checkEnumMember = (struct: BtfComposite, m: Member, size: number, flag: boolean): Rule => {
  if (m.bitSize > ENUM_BITS) return 'Invalid member bitfield_size';
  if (m.bitSize === 0 && m.bitOffset % 8 !== 0) return 'Member is not byte aligned';
  return exceeds(struct, m.bitOffset, flag ? m.bitSize || ENUM_BITS : size * 8);
};

const checkWholeMember = (struct: BtfComposite, m: Member, size: number, unit: number): Rule => {
  if (m.bitSize !== 0) return 'Invalid member bitfield_size';
  if (m.bitOffset % unit !== 0)
    return unit === 8 ? 'Member is not byte aligned' : 'Member is not properly aligned';
  return exceeds(struct, m.bitOffset, size * 8);
};

/** The rule that a member breaks in its struct, whose `kind_flag` is `flag` (`btf_*_check_member`). */
export const checkMember = (btf: Btf, struct: BtfComposite, m: Member, flag: boolean): Rule => {
  const type = sizedType(btf, m.type);
  if (type === undefined) return 'Invalid member';
  if (type.kind === 'int') return checkIntMember(struct, m, type, flag);
  if (type.kind === 'enum' || type.kind === 'enum64')
    return checkEnumMember(struct, m, type.size, flag);
  const unit = type.kind === 'float' ? Math.min(POINTER_SIZE, type.size) * 8 : 8;
  return checkWholeMember(struct, m, btf.sizeOf(m.type), unit);
};
