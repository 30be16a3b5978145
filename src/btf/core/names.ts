const isFlavorSeparator = (name: string, at: number): boolean =>
  name[at - 1] !== '_' && at + 3 < name.length && name[at + 3] !== '_';

/**
 * A name without its flavor: `task_struct___v6` stands for `task_struct`. The last `___` with a character other
 * than `_` on both sides separates the two (`bpf_core_essential_name_len` of libbpf).
 */
export const essentialName = (name: string): string => {
  for (let at = name.lastIndexOf('___'); at > 0; at = name.lastIndexOf('___', at - 1))
    if (isFlavorSeparator(name, at)) return name.slice(0, at);
  return name;
};

/** Same name but for flavors; two anonymous things match as well (`bpf_core_names_match`). */
export const namesMatch = (local: string, target: string): boolean =>
  local === target || (target !== '' && essentialName(local) === essentialName(target));

/** Levenshtein distance, or `limit + 1` as soon as it is known to be more than `limit`. */
export const editDistance = (a: string, b: string, limit: number): number => {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    if (Math.min(...next) > limit) return limit + 1;
    row = next;
  }
  return row[b.length] ?? limit + 1;
};

const MAX_NEAREST = 3;

/** The names nearest to `wanted` in spelling, nearest first; none when all are far from it. */
export const nearestNames = (wanted: string, names: Iterable<string>): readonly string[] => {
  const limit = Math.max(1, Math.floor(wanted.length / 3));
  const near = new Map<string, number>();
  for (const name of names) {
    if (name === '' || name === wanted || near.has(name)) continue;
    const distance = editDistance(wanted, name, limit);
    if (distance <= limit) near.set(name, distance);
  }
  const sorted = [...near].toSorted(([, a], [, b]) => a - b);
  return sorted.slice(0, MAX_NEAREST).map(([name]) => name);
};
