/** The names most like `wanted`, best first: what an error says when a name is unknown. */
export function nearest(wanted: string, names: Iterable<string>, count = 3): string[] {
  const limit = Math.max(2, Math.floor(wanted.length / 2));
  const ranked: { name: string; distance: number }[] = [];
  for (const name of new Set(names)) {
    const contains = name.includes(wanted) || wanted.includes(name);
    const distance = contains
      ? Math.abs(name.length - wanted.length) / 8
      : editDistance(wanted, name);
    if (distance <= limit && name !== '') ranked.push({ name, distance });
  }
  ranked.sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1));
  return ranked.slice(0, count).map((entry) => entry.name);
}

/** ` (nearest: a, b)`, or nothing when no name comes close. */
export function nearestHint(wanted: string, names: Iterable<string>): string {
  const found = nearest(wanted, names);
  return found.length === 0 ? '' : ` (nearest: ${found.join(', ')})`;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitute = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(substitute, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}
