import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  collectTests,
  recordKernel,
  runTest,
  type BootedKernel,
  type PolicyTest,
  type Recording,
  type Transcript,
} from 'krsi/testing';
import { SUITES, type Suite } from './scenarios.ts';

/** What a scenario did on one kernel. */
export interface ScenarioRun {
  /** `links: a link dies with its loader that exits` */
  readonly scenario: string;
  /** Steps on all kernels that it booted. */
  readonly steps: Transcript;
  /** Why it could not go on, or what it left behind. */
  readonly error?: string;
  /** Hooks at which programs were asked; only the simulated kernel tells. */
  readonly hooks: readonly string[];
}

/** Kernels for scenarios, each fresh. */
export type Boot = () => Promise<BootedKernel>;

async function runScenario(
  suite: Suite,
  test: PolicyTest,
  root: string,
  boot: Boot,
): Promise<ScenarioRun> {
  const recordings: Recording[] = [];
  const folder = join(root, suite.folder);
  const report = await runTest(test, {
    file: folder,
    boot: async () => {
      const booted = await boot();
      const recording = recordKernel(booted.kernel, suite.maps);
      recordings.push(recording);
      return { ...booted, kernel: recording.kernel };
    },
    readObject: (path) => readFileSync(join(folder, path)),
    supervise: (body) => body(),
    now: () => performance.now(),
  });
  const asked = recordings
    .flatMap(({ kernel }) => kernel.decisions() ?? [])
    .filter(({ programs }) => programs.length > 0)
    .map(({ hook }) => hook ?? '');
  return {
    scenario: `${suite.name}: ${test.name}`,
    steps: recordings.flatMap(({ steps }) => steps),
    ...(report.error === undefined ? {} : { error: report.error.message }),
    hooks: [...new Set(asked)].toSorted(),
  };
}

/**
 * Runs all scenarios, one after another.
 * @param root of the project.
 * @param only leaves out scenarios whose name does not contain it.
 * @param done is told of each that has ended.
 */
export async function runScenarios(
  root: string,
  boot: Boot,
  only = '',
  done: (run: ScenarioRun) => void = () => undefined,
): Promise<ScenarioRun[]> {
  const runs: ScenarioRun[] = [];
  for (const suite of SUITES)
    for (const test of collectTests(suite.tests)) {
      if (!`${suite.name}: ${test.name}`.includes(only)) continue;
      const run = await runScenario(suite, test, root, boot);
      runs.push(run);
      done(run);
    }
  return runs;
}
