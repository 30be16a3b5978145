import { compareTranscripts, formatDifference, type Difference } from 'krsi/testing';
import { KNOWN, type KnownDifference } from '../twin/known.ts';
import type { ScenarioRun } from '../twin/run.ts';

/** One scenario on both kernels. */
export interface Row {
  readonly scenario: string;
  readonly steps: number;
  /** Calls that it made, by name, with how often. */
  readonly calls: Readonly<Record<string, number>>;
  readonly hooks: readonly string[];
  readonly differences: readonly Explained[];
  /** Why it broke off, on either. */
  readonly error?: string;
}

export interface Explained extends Difference {
  /** Undefined for a difference that nobody expected. */
  readonly known: KnownDifference | undefined;
}

/** All scenarios on the simulated kernel and on one real one. */
export interface Comparison {
  readonly release: string;
  readonly rows: readonly Row[];
}

const callName = (call: string): string => /^(?:bpf )?[^(]*/.exec(call)?.[0] ?? call;

function countCalls(run: ScenarioRun): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { call } of run.steps) counts[callName(call)] = (counts[callName(call)] ?? 0) + 1;
  return counts;
}

function explain(scenario: string, release: string, difference: Difference): Explained {
  const { call } = difference.linux ?? difference.sim ?? { call: '' };
  const known = KNOWN.find(
    (k) =>
      scenario.startsWith(k.scenario) && k.call.test(call) && (k.release?.test(release) ?? true),
  );
  return { ...difference, known };
}

function compareScenario(release: string, sim: ScenarioRun, linux: ScenarioRun): Row {
  const errors = [
    sim.error === undefined ? [] : [`sim: ${sim.error}`],
    linux.error === undefined ? [] : [`linux: ${linux.error}`],
  ].flat();
  return {
    scenario: sim.scenario,
    steps: linux.steps.length,
    calls: countCalls(linux),
    hooks: sim.hooks,
    differences: compareTranscripts(sim.steps, linux.steps).map((difference) =>
      explain(sim.scenario, release, difference),
    ),
    ...(errors.length === 0 ? {} : { error: errors.join('\n') }),
  };
}

export function compareRuns(
  release: string,
  sim: readonly ScenarioRun[],
  linux: readonly ScenarioRun[],
): Comparison {
  const rows = sim.map((run, i) => {
    const other = linux[i];
    if (other?.scenario !== run.scenario) throw new Error(`the guest did not run ${run.scenario}`);
    return compareScenario(release, run, other);
  });
  return { release, rows };
}

export const isEqual = ({ differences, error }: Row): boolean =>
  differences.length === 0 && error === undefined;
const isUnexpected = ({ differences, error }: Row): boolean =>
  error !== undefined || differences.some(({ known }) => known === undefined);

/** Scenarios that broke off or differ in a way that nobody expected. */
export const unexpected = ({ rows }: Comparison): readonly Row[] => rows.filter(isUnexpected);

/** Known differences that were met on none of the kernels. */
export function unmet(comparisons: readonly Comparison[]): readonly KnownDifference[] {
  const met = new Set(
    comparisons.flatMap(({ rows }) => rows.flatMap((r) => r.differences.map(({ known }) => known))),
  );
  return KNOWN.filter((known) => !met.has(known));
}

/** A summary, and each difference that nobody expected with both sides. */
export function printComparison(comparison: Comparison, seconds: number): void {
  const { release, rows } = comparison;
  const equal = rows.filter(isEqual).length;
  const bad = unexpected(comparison);
  const steps = rows.reduce((sum, row) => sum + row.steps, 0);
  for (const { scenario, differences, error } of bad) {
    console.log(`\n${scenario}`);
    if (error !== undefined) console.log(`  ${error.replaceAll('\n', '\n  ')}`);
    for (const difference of differences.filter(({ known }) => known === undefined))
      console.log(`  ${formatDifference(difference).replaceAll('\n', '\n  ')}`);
  }
  const known = rows.length - equal - bad.length;
  console.log(
    `\n${release}: ${rows.length} scenarios, ${steps} steps: ${equal} equal, ${known} differ as known, ` +
      `${bad.length} differ otherwise (${seconds.toFixed(0)} s)`,
  );
}
