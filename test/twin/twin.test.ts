import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openKernelImage, shippedKernels } from 'krsi/node';
import { compareTranscripts } from 'krsi/testing';
import { runScenarios } from './run.ts';
import { SUITES } from './scenarios.ts';
import { simulated } from './sim.ts';

const root = join(import.meta.dirname, '../..');

describe('the scenarios that Linux runs too', () => {
  it.each(shippedKernels().map(({ series, release }) => ({ series, release })))(
    'come to their end on the simulated $series, twice the same',
    async ({ series, release }) => {
      const boot = simulated(openKernelImage(series), release, 1);
      const first = await runScenarios(root, boot);
      expect(first.filter(({ error }) => error !== undefined)).toEqual([]);
      const again = await runScenarios(root, boot, 'links');
      for (const run of again) {
        const before = first.find(({ scenario }) => scenario === run.scenario);
        expect(compareTranscripts(before?.steps ?? [], run.steps)).toEqual([]);
      }
    },
    60_000,
  );

  it('have names of their own', () => {
    const names = SUITES.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});

it('are compared with Linux by npm run test:guest, which this run leaves out', () => {
  const tool = 'qemu-system-x86_64';
  const found = execFileSync('sh', ['-c', `command -v ${tool} || true`], { encoding: 'utf8' });
  const how = found === '' ? 'needs apt install qemu-system-x86 busybox-static, then ' : '';
  console.info(`The comparison with real kernels is a run of its own: ${how}npm run test:guest`);
});
