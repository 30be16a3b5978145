/** Runs in a guest: all scenarios on the kernel that booted, with their transcripts as JSON. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readBtf } from 'krsi/btf';
import { openMachine } from '../../dist/linux/machine.js';
import { runScenarios, type Boot, type ScenarioRun } from '../twin/run.ts';

/** What a guest brings home. */
export interface GuestReport {
  readonly release: string;
  readonly runs: readonly ScenarioRun[];
}

export async function runInside(root: string, out: string, only: string): Promise<void> {
  const first = await openMachine();
  const { release } = first;
  const kernelBtf = readBtf(await first.btf(), { file: 'vmlinux' });
  await first.close();
  const boot: Boot = async () => {
    const machine = await openMachine();
    return {
      kernel: machine,
      kernelBtf,
      shutdown: async () => {
        await machine.close();
        return [];
      },
    };
  };
  const report: GuestReport = {
    release,
    runs: await runScenarios(root, boot, only, ({ scenario }) => {
      console.log(`${(performance.now() / 1000).toFixed(1)} ${scenario}`);
    }),
  };
  writeFileSync(join(out, 'report.json'), JSON.stringify(report));
}
