import type { RawBtf } from './raw.ts';
import { BTF_KINDS, type BtfKind, type TypeId } from './types.ts';

/** Comparing types with a name costs less than an index of all, until each has been compared so many times. */
const SCANS_BEFORE_INDEX = 3;

const UNDERSCORE = 0x5f;

/** Bit `n` stands for kind number `n`; no kinds means all. */
export const kindMask = (kinds: readonly BtfKind[]): number =>
  kinds.length === 0 ? -1 : kinds.reduce((mask, kind) => mask | (1 << BTF_KINDS.indexOf(kind)), 0);

/**
 * The length of a name without its CO-RE flavor: up to the last `___` that has a character other than `_` on
 * either side (`bpf_core_essential_name_len` of libbpf).
 */
const essentialEnd = (bytes: Uint8Array, start: number, end: number): number => {
  for (let at = end - 5; at >= start; at--)
    if (
      bytes[at + 1] === UNDERSCORE &&
      bytes[at + 2] === UNDERSCORE &&
      bytes[at + 3] === UNDERSCORE &&
      bytes[at] !== UNDERSCORE &&
      bytes[at + 4] !== UNDERSCORE
    )
      return at + 1;
  return end;
};

const FNV_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
const spread = (hash: number): number => hash ^ (hash >>> 15);

/** FNV-1a of a name without its flavor; the name ends with a zero byte. */
const hashOf = (bytes: Uint8Array, start: number): number => {
  let hash = FNV_BASIS;
  let underscores = 0;
  let flavored = false;
  let at = start;
  for (let byte = bytes[at] ?? 0; byte !== 0; byte = bytes[++at] ?? 0) {
    hash = Math.imul(hash ^ byte, FNV_PRIME);
    underscores = byte === UNDERSCORE ? underscores + 1 : 0;
    if (underscores === 3) flavored = true;
  }
  if (!flavored) return spread(hash);
  return hashOfPart(bytes, start, essentialEnd(bytes, start, at));
};

const hashOfPart = (bytes: Uint8Array, start: number, end: number): number => {
  let hash = FNV_BASIS;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), FNV_PRIME);
  return spread(hash);
};

/** Hash chains over the own types, by name without flavor, each in id order. */
interface Chains {
  readonly heads: Int32Array;
  readonly next: Int32Array;
}

const buildChains = (raw: RawBtf): Chains => {
  const { words, starts } = raw;
  const heads = new Int32Array(2 ** Math.max(4, Math.ceil(Math.log2(starts.length + 1)))).fill(-1);
  const next = new Int32Array(starts.length).fill(-1);
  const baseLength = raw.baseStrings.length;
  for (let i = starts.length - 1; i >= 0; i--) {
    const offset = words[starts[i] ?? 0] ?? 0;
    if (offset === 0) continue;
    const inBase = offset < baseLength;
    const hash = inBase
      ? hashOf(raw.baseStrings, offset)
      : hashOf(raw.strings, offset - baseLength);
    const slot = hash & (heads.length - 1);
    next[i] = heads[slot] ?? -1;
    heads[slot] = i;
  }
  return { heads, next };
};

/** Looks own types up by name, comparing bytes: no string is decoded for it. */
export type NameLookup = (
  name: string,
  mask: number,
  flavors: boolean,
  visit: (id: TypeId) => boolean,
) => void;

/** Calls `visit` with each own type of a name and of the kinds in `mask`, in id order, until it returns true. */
export const createNameLookup = (raw: RawBtf): NameLookup => {
  const { words, starts, kinds, firstId } = raw;
  let chains: Chains | undefined;
  let compared = 0;

  const isWanted = (index: number, mask: number): boolean =>
    ((mask >>> (kinds[index] ?? 0)) & 1) === 1;

  /** Whether the type at `index` has this name, up to its end or its flavor. */
  const matches = (name: Uint8Array, index: number, flavors: boolean): boolean => {
    const offset = words[starts[index] ?? 0] ?? 0;
    const inBase = offset < raw.baseStrings.length;
    const bytes = inBase ? raw.baseStrings : raw.strings;
    const start = inBase ? offset : offset - raw.baseStrings.length;
    const end = start + name.length;
    const after = bytes[end];
    if (after !== 0 && !(flavors && after === UNDERSCORE)) return false;
    for (let i = 0; i < name.length; i++) if (bytes[start + i] !== name[i]) return false;
    return after === 0
      ? !flavors || essentialEnd(bytes, start, end) === end
      : essentialEnd(bytes, start, bytes.indexOf(0, start)) === end;
  };

  return (text, mask, flavors, visit) => {
    const name = new TextEncoder().encode(text);
    if (name.length === 0 || name.includes(0)) return;
    if (compared > SCANS_BEFORE_INDEX * starts.length) chains ??= buildChains(raw);
    if (chains === undefined) {
      for (let i = 0; i < starts.length; i++) {
        if (!isWanted(i, mask)) continue;
        compared++;
        if (matches(name, i, flavors) && visit(firstId + i)) return;
      }
      return;
    }
    const end = flavors ? name.length : essentialEnd(name, 0, name.length);
    const slot = hashOfPart(name, 0, end) & (chains.heads.length - 1);
    for (let i = chains.heads[slot] ?? -1; i >= 0; i = chains.next[i] ?? -1)
      if (isWanted(i, mask) && matches(name, i, flavors) && visit(firstId + i)) return;
  };
};
