import { decodeType, kindOf, nameOf, VOID } from './decode.ts';
import { createAlignOf, resolveType, sizeOfType } from './measure.ts';
import { createNameLookup, kindMask } from './names.ts';
import { openRaw } from './raw.ts';
import { stringAt } from './strings.ts';
import type { Btf, BtfKind, BtfType, TypeId } from './types.ts';

export interface ReadBtfOptions {
  /** Name for messages: a path, or `vmlinux`. */
  readonly file: string;
  /** What a split BTF, such as that of a kernel module, continues. */
  readonly base?: Btf;
}

/**
 * Opens raw BTF (the bytes of a `.BTF` section or of `/sys/kernel/btf/*`), which must stay unchanged. One pass over
 * the type headers is all it does; strings and types are decoded when they are asked for.
 * @throws {FormatError} for bytes that break the format; so do all accessors of the result.
 */
export const readBtf = (bytes: Uint8Array, options: ReadBtfOptions): Btf => {
  const { file, base } = options;
  const raw = openRaw(bytes, file, base);
  const lookup = createNameLookup(raw);
  const cache = new Map<TypeId, BtfType>([[0, VOID]]);
  const belowOwn = (id: TypeId): boolean => id >= 0 && id < raw.firstId;

  const type = (id: TypeId): BtfType => {
    const known = cache.get(id);
    if (known !== undefined) return known;
    if (base !== undefined && belowOwn(id)) return base.type(id);
    const decoded = decodeType(raw, id);
    cache.set(id, decoded);
    return decoded;
  };
  const types = { file, type };

  const all = (name: string, flavors: boolean, kinds: readonly BtfKind[]): TypeId[] => {
    const ids: TypeId[] = [];
    lookup(name, kindMask(kinds), flavors, (id) => {
      ids.push(id);
      return false;
    });
    return ids;
  };

  return {
    file,
    base,
    bytes,
    typeCount: raw.typeCount,
    type,
    kind: (id) => (belowOwn(id) ? (base?.kind(id) ?? 'void') : kindOf(raw, id)),
    name: (id) => (belowOwn(id) ? (base?.name(id) ?? '') : nameOf(raw, id)),
    string: (offset) => stringAt(raw, offset),
    find: (name, ...kinds) => {
      let found = base?.find(name, ...kinds);
      if (found !== undefined) return found;
      lookup(name, kindMask(kinds), false, (id) => {
        found = id;
        return true;
      });
      return found;
    },
    findAll: (name, ...kinds) => [
      ...(base?.findAll(name, ...kinds) ?? []),
      ...all(name, false, kinds),
    ],
    findFlavors: (name, ...kinds) => [
      ...(base?.findFlavors(name, ...kinds) ?? []),
      ...all(name, true, kinds),
    ],
    resolve: (id) => resolveType(types, id),
    sizeOf: (id) => sizeOfType(types, id),
    alignOf: createAlignOf(types),
  };
};
