import type { Btf, BtfComposite, TypeId } from '../types.ts';
import { createCNames, type CNames } from './names.ts';

/** Anonymous types may nest so deep in a path. */
const MAX_DEPTH = 32;

/** `[path, byte offset]` of each member that C can name and that is not a bitfield. */
const paths = (
  btf: Btf,
  names: CNames,
  type: BtfComposite,
  prefix: string,
  bits: number,
  depth: number,
): [string, number][] =>
  type.members.flatMap((member): [string, number][] => {
    const place = bits + member.bitOffset;
    if (member.bitSize !== 0 || depth > MAX_DEPTH) return [];
    const path = `${prefix}${names.member(member.name)}`;
    const inner = btf.type(btf.resolve(member.type));
    const own: [string, number][] = member.name === '' ? [] : [[path, place / 8]];
    if (!('members' in inner) || names.tag(inner.id) !== undefined) return own;
    const within = member.name === '' ? prefix : `${path}.`;
    return [...own, ...paths(btf, names, inner, within, place, depth + 1)];
  });

const assertion = (expression: string, value: number): string =>
  `_Static_assert(${expression} == ${value}, "${expression} is ${value}");\n`;

const layoutAsserts = (btf: Btf, names: CNames, type: BtfComposite, spelled: string): string[] => [
  assertion(`sizeof(${spelled})`, type.size),
  ...paths(btf, names, type, '', 0, 0).map(([path, offset]) =>
    assertion(`__builtin_offsetof(${spelled}, ${path})`, offset),
  ),
];

/** What C calls the struct or union that `id` is, or that it alone names as a typedef. */
const nameOf = (btf: Btf, names: CNames, id: TypeId): [BtfComposite, string] | undefined => {
  const type = btf.type(id);
  const tag = names.tag(id);
  if ('members' in type) return tag === undefined ? undefined : [type, tag];
  if (type.kind !== 'typedef') return undefined;
  const target = btf.type(btf.resolve(id));
  return 'members' in target && names.tag(target.id) === undefined
    ? [target, names.typedef(id)]
    : undefined;
};

/**
 * C text to follow {@link printC}'s in one file: asserts the size of each struct and union that has a name, and the
 * offset of each of its members, those of anonymous ones within it included. C has no offset of a bitfield.
 */
export const printStaticAsserts = (btf: Btf): string => {
  const names = createCNames(btf);
  const text: string[] = [];
  for (let id = btf.base?.typeCount ?? 1; id < btf.typeCount; id++) {
    const named = nameOf(btf, names, id);
    if (named !== undefined) text.push(...layoutAsserts(btf, names, ...named));
  }
  return text.join('');
};
