/**
 * Kernels whose facts were measured by loading programs into them, by what `uname -r` starts with; Debian's 6.1.0 is
 * stable 6.1.176. Oldest first.
 */
export const KNOWN_RELEASES = ['6.1.0', '6.12.86', '6.12.95', '6.18.15', '7.3.4'] as const;
export type KnownRelease = (typeof KNOWN_RELEASES)[number];

type Version = readonly [major: number, minor: number, patch: number];

/** A series without a patch level means its newest. */
function versionOf(release: string): Version | undefined {
  const match = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(release);
  if (match === null) return undefined;
  const patch = match[3] === undefined ? Number.POSITIVE_INFINITY : Number(match[3]);
  return [Number(match[1]), Number(match[2]), patch];
}

function compare(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || (a[2] === b[2] ? 0 : a[2] - b[2]);
}

export interface NearestRelease {
  readonly release: KnownRelease;
  /** That very kernel, not one like it. */
  readonly exact: boolean;
}

/**
 * The known release whose facts stand for `release` (`6.12.90-cloud`, `6.12`): the same one, or the nearest lower of
 * its series, or the lowest of its series, or the nearest lower of all, or the oldest.
 */
export function nearestRelease(release: string): NearestRelease {
  const wanted = versionOf(release);
  if (wanted === undefined) return { release: KNOWN_RELEASES[0], exact: false };
  const known = KNOWN_RELEASES.map((name) => ({ name, version: versionOf(name) ?? [0, 0, 0] }));
  const series = known.filter(
    ({ version }) => version[0] === wanted[0] && version[1] === wanted[1],
  );
  const lower = (list: typeof known) =>
    list.findLast(({ version }) => compare(version, wanted) <= 0);
  const nearest = lower(series) ?? series[0] ?? lower(known);
  if (nearest === undefined) return { release: KNOWN_RELEASES[0], exact: false };
  return { release: nearest.name, exact: compare(nearest.version, wanted) === 0 };
}
