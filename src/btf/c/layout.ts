import { asBitfield, isSplit } from '../measure.ts';
import { formatError } from '../raw.ts';
import type { Btf, BtfComposite, Member } from '../types.ts';

/** A member where it lies, or a hole that C's own layout rules would not leave. Places are in bits. */
export type LaidOut = { readonly member: Member } | { readonly gap: number; readonly at: number };

export interface Layout {
  readonly packed: boolean;
  readonly parts: readonly LaidOut[];
}

const roundUp = (value: number, to: number): number => Math.ceil(value / to) * to;

/** Where C puts a member when `end` is the end of what comes before (System V ABI). */
const naturalPlace = (btf: Btf, member: Member, end: number, packed: boolean): number => {
  if (member.bitSize === 0) return roundUp(end, packed ? 8 : btf.alignOf(member.type) * 8);
  const unit = btf.sizeOf(member.type) * 8;
  return packed || (end % unit) + member.bitSize <= unit ? end : roundUp(end, unit);
};

const widthOf = (btf: Btf, member: Member): number => member.bitSize || btf.sizeOf(member.type) * 8;

const layoutStruct = (btf: Btf, type: BtfComposite, alignment: number, packed: boolean) => {
  const parts: LaidOut[] = [];
  let end = 0;
  const fill = (to: number): void => {
    if (to < end) throw formatError(btf.file, 0, `the members of struct ${type.id} overlap`);
    if (to > end) parts.push({ gap: to - end, at: end });
  };
  for (const member of type.members.map((m) => asBitfield(btf, m))) {
    if (naturalPlace(btf, member, end, packed) !== member.bitOffset) fill(member.bitOffset);
    parts.push({ member });
    end = member.bitOffset + widthOf(btf, member);
  }
  if (roundUp(end, alignment * 8) !== type.size * 8) fill(type.size * 8);
  return parts;
};

const layoutUnion = (btf: Btf, type: BtfComposite, alignment: number): readonly LaidOut[] => {
  const members = type.members.map((m) => asBitfield(btf, m));
  const widest = members.reduce((width, m) => Math.max(width, widthOf(btf, m)), 0);
  const size = type.size * 8;
  if (widest > size)
    throw formatError(btf.file, 0, `union ${type.id} is smaller than one of its members`);
  const parts = members.map((member) => ({ member }));
  return roundUp(widest, alignment * 8) === size ? parts : [...parts, { gap: size, at: 0 }];
};

/** How to write a struct or union so that a C compiler gives each member the place that BTF says. */
export const layoutOf = (btf: Btf, type: BtfComposite): Layout => {
  const alignment = btf.alignOf(type.id);
  const packed =
    alignment === 1 && type.members.some((m) => btf.alignOf(m.type) > 1 || isSplit(btf, m));
  const parts =
    type.kind === 'struct'
      ? layoutStruct(btf, type, alignment, packed)
      : layoutUnion(btf, type, alignment);
  return { packed, parts };
};
