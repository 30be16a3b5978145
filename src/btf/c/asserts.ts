import { asBitfield } from '../measure.ts';
import { formatError } from '../raw.ts';
import type { Btf, BtfComposite, TypeId } from '../types.ts';
import { createCNames, type CNames } from './names.ts';

/** More than any kernel has by far; anonymous types that hold each other twice would grow without end. */
const MAX_PATHS = 1 << 18;

/** `[path, byte offset]` of each member that C can name and that is not a bitfield. */
const memberPaths = (btf: Btf, names: CNames, root: BtfComposite): [string, number][] => {
  const paths: [string, number][] = [];
  let visited = 0;
  const visit = (type: BtfComposite, prefix: string, bits: number): void => {
    for (const { name, type: id, bitOffset, bitSize } of type.members.map((m) =>
      asBitfield(btf, m),
    )) {
      if (bitSize !== 0) continue;
      const path = `${prefix}${names.member(name)}`;
      if (name !== '') paths.push([path, (bits + bitOffset) / 8]);
      if (++visited > MAX_PATHS)
        throw formatError(btf.file, 0, `type ${root.id} has members without end`);
      const inner = btf.type(btf.resolve(id));
      if ('members' in inner && names.tag(inner.id) === undefined)
        visit(inner, name === '' ? prefix : `${path}.`, bits + bitOffset);
    }
  };
  // Refuses types that contain themselves, which the walk would not leave.
  btf.alignOf(root.id);
  visit(root, '', 0);
  return paths;
};

const assertion = (expression: string, value: number): string =>
  `_Static_assert(${expression} == ${value}, "${expression} is ${value}");\n`;

const layoutAsserts = (btf: Btf, names: CNames, type: BtfComposite, spelled: string): string[] => [
  assertion(`sizeof(${spelled})`, type.size),
  ...memberPaths(btf, names, type).map(([path, offset]) =>
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
 * @throws {FormatError} for types that contain themselves.
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
