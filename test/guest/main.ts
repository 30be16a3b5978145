/**
 * `npm run test:guest [-- 6.12 6.1 …] [--only TEXT] [--write]`: runs every scenario of test/twin on real kernels in
 * QEMU and on the simulated one, and compares what they did.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { openKernelImage } from 'krsi/node';
import { runScenarios } from '../twin/run.ts';
import { simulated } from '../twin/sim.ts';
import { buildImage } from './image.ts';
import type { GuestReport } from './inside.ts';
import { ALL_SERIES, isSeries, kernelImage, type Series } from './kernels.ts';
import { GUEST_CPUS, runGuest } from './vm.ts';
import { compareRuns, printComparison, unexpected, unmet, type Comparison } from './compare.ts';
import { checkFidelity, writeFidelity } from './fidelity.ts';

const root = resolve(import.meta.dirname, '../..');
const NEEDED = {
  'qemu-system-x86_64': 'qemu-system-x86',
  busybox: 'busybox-static',
  setpriv: 'util-linux',
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string', default: '' },
    write: { type: 'boolean', default: false },
    show: { type: 'boolean', default: false },
  },
});

/** Packages that are missing on this machine. */
function missing(): readonly string[] {
  return Object.entries(NEEDED).flatMap(([command, name]) => {
    try {
      execFileSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore' });
      return [];
    } catch {
      return [name];
    }
  });
}

/** The scenarios as JavaScript, in the tree that they have here. */
function compile(to: string): void {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const project = join(root, 'test/guest/tsconfig.json');
  execFileSync(process.execPath, [tsc, '-p', project, '--outDir', to], { stdio: 'inherit' });
}

/** Not every mirror has the suite of the newest kernel; the others must be there. */
function findKernel(series: Series): string | undefined {
  try {
    return kernelImage(series);
  } catch (error) {
    if (series !== '6.18') throw error;
    console.error(
      `test:guest: not run on ${series}, whose packages cannot be had: ${String(error)}`,
    );
    return undefined;
  }
}

async function runOn(kernel: string, compiled: string): Promise<Comparison> {
  const out = mkdtempSync(join(tmpdir(), 'krsi-out-'));
  try {
    const command = `node test/guest/start.js /out '${values.only}'\n`;
    const image = buildImage(command, { krsi: compiled });
    const guest = runGuest(kernel, image, out, { show: values.show });
    // The machine's other processor meanwhile does the same on the simulated kernel.
    const types = openKernelImage(kernel);
    const boot = simulated(types, types.release ?? '', GUEST_CPUS);
    const sim = await runScenarios(root, boot, values.only);
    const { status, console } = await guest;
    if (status !== 0)
      throw new Error(`the guest ended with status ${status ?? 'unknown'}:\n${console}`);
    const linux = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')) as GuestReport;
    return compareRuns(linux.release, sim, linux.runs);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

async function main(): Promise<number> {
  const packages = missing();
  if (packages.length > 0) {
    console.error(
      `test:guest: not run, as this machine lacks ${packages.join(', ')}: apt install ${packages.join(' ')}`,
    );
    return process.env['CI'] === undefined ? 0 : 1;
  }
  const wrong = positionals.filter((name) => !isSeries(name));
  if (wrong.length > 0) {
    console.error(`test:guest: no kernel ${wrong.join(', ')}; there are ${ALL_SERIES.join(', ')}`);
    return 2;
  }
  const chosen = positionals.length === 0 ? ALL_SERIES : positionals.filter(isSeries);
  const compiled = mkdtempSync(join(tmpdir(), 'krsi-twin-'));
  const comparisons: Comparison[] = [];
  try {
    compile(compiled);
    for (const series of chosen) {
      const start = performance.now();
      const kernel = findKernel(series);
      if (kernel === undefined) continue;
      const comparison = await runOn(kernel, compiled);
      comparisons.push(comparison);
      printComparison(comparison, (performance.now() - start) / 1000);
    }
  } finally {
    rmSync(compiled, { recursive: true, force: true });
  }
  let failed = comparisons.some((comparison) => unexpected(comparison).length > 0);
  const whole = values.only === '' && comparisons.length === ALL_SERIES.length;
  if (whole)
    for (const { scenario, reason } of unmet(comparisons)) {
      console.error(`a known difference is gone, take it out: ${scenario}: ${reason}`);
      failed = true;
    }
  if (values.only !== '') return failed ? 1 : 0;
  if (values.write && whole) writeFidelity(root, comparisons);
  else if (values.write) console.error('test:guest: --write needs all kernels');
  return failed || !checkFidelity(root, comparisons) ? 1 : 0;
}

process.exitCode = await main();
