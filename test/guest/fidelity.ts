import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatStep } from 'krsi/testing';
import { isEqual, type Comparison, type Row } from './compare.ts';

const JSON_FILE = 'docs/fidelity.json';
const MARKDOWN_FILE = 'docs/fidelity.md';

/** `6.12` of `6.12.95+deb12-cloud-amd64`: point releases come and go, and mean the same here. */
const seriesOf = (release: string): string => /^\d+\.\d+/.exec(release)?.[0] ?? release;

interface ListedDifference {
  readonly scenario: string;
  readonly step: number;
  readonly sim: string;
  readonly linux: string;
  readonly reason: string;
}

interface KernelFidelity {
  readonly release: string;
  readonly scenarios: number;
  readonly equal: number;
  readonly steps: number;
  readonly different: readonly ListedDifference[];
}

export interface Fidelity {
  readonly kernels: Readonly<Record<string, KernelFidelity>>;
}

function fidelityOf({ release, rows }: Comparison): KernelFidelity {
  return {
    release,
    scenarios: rows.length,
    equal: rows.filter(isEqual).length,
    steps: rows.reduce((sum, row) => sum + row.steps, 0),
    different: rows.flatMap(({ scenario, differences }) =>
      differences.map(({ step, sim, linux, known }) => ({
        scenario,
        step,
        sim: formatStep(sim),
        linux: formatStep(linux),
        reason: known?.reason ?? 'not explained',
      })),
    ),
  };
}

const inOrder = (comparisons: readonly Comparison[]): readonly Comparison[] =>
  comparisons.toSorted((a, b) => a.release.localeCompare(b.release, 'en', { numeric: true }));

const asData = (comparisons: readonly Comparison[]): Fidelity => ({
  kernels: Object.fromEntries(
    inOrder(comparisons).map((comparison) => [
      seriesOf(comparison.release),
      fidelityOf(comparison),
    ]),
  ),
});

/** Columns as wide as their widest cell, as the formatter wants them. */
function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((_, i) =>
    Math.max(3, ...[header, ...rows].map((row) => row[i]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  const rule = widths.map((width) => '-'.repeat(width));
  return [line(header), line(rule), ...rows.map(line)].join('\n');
}

/** How many scenarios of each group are equal, on each kernel. */
function summary(
  comparisons: readonly Comparison[],
  groupsOf: (row: Row) => readonly string[],
  title: string,
): string {
  const groups = new Set(comparisons.flatMap(({ rows }) => rows.flatMap(groupsOf)));
  const cell = (rows: readonly Row[]): string =>
    rows.length === 0 ? '–' : `${rows.filter(isEqual).length} of ${rows.length}`;
  return table(
    [title, ...comparisons.map(({ release }) => seriesOf(release))],
    [...groups]
      .toSorted()
      .map((group) => [
        group,
        ...comparisons.map(({ rows }) => cell(rows.filter((row) => groupsOf(row).includes(group)))),
      ]),
  );
}

const verdict = (row: Row | undefined): string => {
  if (row === undefined) return '–';
  return isEqual(row) ? 'equal' : `${row.differences.length} of ${row.steps} steps differ`;
};

const escape = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '\\<');

function asMarkdown(unordered: readonly Comparison[]): string {
  const comparisons = inOrder(unordered);
  const data = asData(comparisons);
  const names = [...new Set(comparisons.flatMap(({ rows }) => rows.map((row) => row.scenario)))];
  const kernels = Object.entries(data.kernels).map(
    ([series, { release, scenarios, equal, steps }]) =>
      `- **${series}** (${release}): ${equal} of ${scenarios} scenarios equal, ${steps} steps`,
  );
  const reasons = new Map<string, Set<string>>();
  for (const [series, { different }] of Object.entries(data.kernels))
    for (const { reason, scenario } of different)
      reasons.set(reason, (reasons.get(reason) ?? new Set()).add(`${scenario} (${series})`));
  return `# Fidelity

Made by \`npm run test:guest -- --write\`: each scenario runs on the simulated kernel and on Linux, and what it did is
compared step by step: results of system calls and of bpf(2), events, map contents. \`docs/fidelity.json\` lists each
step that differs.

${kernels.join('\n')}

## What differs, and why

${[...reasons].map(([reason, where]) => `- ${escape(reason)}: ${where.size} times`).join('\n')}

## By system call

${summary(comparisons, (row) => Object.keys(row.calls), 'call')}

## By hook

${summary(comparisons, (row) => row.hooks, 'hook')}

## By scenario

${table(
  ['scenario', ...comparisons.map(({ release }) => seriesOf(release))],
  names.map((name) => [
    escape(name),
    ...comparisons.map(({ rows }) => verdict(rows.find((row) => row.scenario === name))),
  ]),
)}
`;
}

export function writeFidelity(root: string, comparisons: readonly Comparison[]): void {
  writeFileSync(join(root, JSON_FILE), `${JSON.stringify(asData(comparisons), null, 2)}\n`);
  writeFileSync(join(root, MARKDOWN_FILE), asMarkdown(comparisons));
}

/** Whether the files say what was measured just now, for the kernels that ran; point releases may differ. */
export function checkFidelity(root: string, comparisons: readonly Comparison[]): boolean {
  const path = join(root, JSON_FILE);
  const written = existsSync(path)
    ? (JSON.parse(readFileSync(path, 'utf8')) as Fidelity)
    : { kernels: {} };
  const stale = Object.entries(asData(comparisons).kernels).filter(([series, now]) => {
    const then = written.kernels[series];
    return then?.scenarios !== now.scenarios || then.equal !== now.equal;
  });
  for (const [series] of stale)
    console.error(`${JSON_FILE} is out of date for ${series}: npm run test:guest -- --write`);
  return stale.length === 0;
}
