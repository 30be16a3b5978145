import { BPF_ATTACH_TYPE, BPF_LINK_TYPE, BPF_MAP_TYPE, BPF_PROG_TYPE } from '../../abi/index.ts';

/** Names by number, in lower case; of two names with one number the first. */
function namesOf(numbers: Readonly<Record<string, number>>): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  for (const [name, number] of Object.entries(numbers))
    if (!names.has(number)) names.set(number, name.toLowerCase().replace(/_deprecated$/, ''));
  return names;
}

export const PROG_TYPE_NAMES = namesOf(BPF_PROG_TYPE);
export const MAP_TYPE_NAMES = namesOf(BPF_MAP_TYPE);
export const LINK_TYPE_NAMES = namesOf(BPF_LINK_TYPE);
export const ATTACH_TYPE_NAMES = namesOf(BPF_ATTACH_TYPE);

/** The name of a type, or `type NUMBER` of one that is newer than this program. */
export const typeName = (names: ReadonlyMap<number, string>, type: number): string =>
  names.get(type) ?? `type ${type}`;

/** The name of a type, or its number. */
export const typeJson = (names: ReadonlyMap<number, string>, type: number): string | number =>
  names.get(type) ?? type;
