import { relative } from 'node:path';
import pc from 'picocolors';
import { formatDenial, runTest, type PolicyTest, type TestReport } from '../../testing/index.ts';
import { toJson, UsageError, type Context, type KernelFlags } from '../context.ts';
import { findTestFiles } from '../test-files.ts';
import { openKernel, type NamedKernel } from '../kernel.ts';
import { testHost } from '../test-host.ts';
import { loadTests } from '../test-module.ts';

interface FileReport extends TestReport {
  readonly file: string;
}

const indent = (text: string): string => text.replaceAll(/^/gm, '    ');

function formatTest(report: FileReport, color: boolean): string {
  const { green, red, dim } = pc.createColors(color);
  const mark = report.verdict === 'passed' ? green('pass') : red('FAIL');
  const lines = [`${mark} ${report.name} ${dim(`${Math.round(report.ms)} ms`)}`];
  for (const denial of report.denials) lines.push(dim(`    denied: ${formatDenial(denial)}`));
  if (report.error !== undefined) {
    const { message, line } = report.error;
    lines.push(red(indent(message)));
    if (line !== undefined) lines.push(dim(`    at ${report.file}:${line}`));
    if (report.error.log !== undefined) lines.push(indent(report.error.log.trimEnd()));
  }
  return `${lines.join('\n')}\n`;
}

interface LoadedFile {
  readonly path: string;
  /** As people and reports see it. */
  readonly shown: string;
  readonly tests: readonly PolicyTest[];
}

/** All files are loaded before the first test runs, so that a broken one does not come as a surprise in the middle. */
async function loadFiles(paths: readonly string[], cwd: string): Promise<readonly LoadedFile[]> {
  const files: LoadedFile[] = [];
  for (const path of findTestFiles(paths, cwd)) {
    const shown = relative(cwd, path);
    files.push({ path, shown, tests: await loadTests(path, shown) });
  }
  if (files.every((file) => file.tests.length === 0))
    throw new UsageError('the test files hold no tests');
  return files;
}

async function runFile(
  { path, shown, tests }: LoadedFile,
  image: NamedKernel,
  done: (report: FileReport) => void,
): Promise<void> {
  const host = testHost(path, image);
  for (const test of tests) {
    const report = await runTest(test, host);
    done({ file: shown, ...report, ms: Math.round(report.ms * 10) / 10 });
  }
}

export async function runTests(
  context: Context,
  { kernel, json }: KernelFlags,
  ...paths: readonly string[]
): Promise<void> {
  const files = await loadFiles(paths, context.cwd);
  const image = openKernel(kernel);
  const reports: FileReport[] = [];
  for (const file of files) {
    if (!json) context.write(`${file.shown}\n`);
    await runFile(file, image, (report) => {
      reports.push(report);
      if (!json) context.write(formatTest(report, context.color));
    });
  }
  const failed = reports.filter((report) => report.verdict === 'failed').length;
  if (json) context.write(toJson({ passed: reports.length - failed, failed, tests: reports }));
  else context.write(`\n${reports.length - failed} passed, ${failed} failed on ${image.release}\n`);
  if (failed > 0) context.process.exitCode = 1;
}
