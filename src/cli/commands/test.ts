import { relative } from 'node:path';
import pc from 'picocolors';
import { openKernelImage } from '../../node/index.ts';
import { collectTests, formatDenial, runTest, type TestReport } from '../../testing/index.ts';
import { toJson, UsageError, type Context, type KernelFlags } from '../context.ts';
import { findTestFiles } from '../test-files.ts';
import { simImage, testHost, type SimImage } from '../test-host.ts';
import { loadTests } from '../test-module.ts';

interface FileReport extends TestReport {
  readonly file: string;
}

const indent = (text: string): string => text.replaceAll(/^/gm, '    ');

function formatTest(report: TestReport, color: boolean): string {
  const { green, red, dim } = pc.createColors(color);
  const mark = report.verdict === 'passed' ? green('pass') : red('FAIL');
  const lines = [`${mark} ${report.name} ${dim(`${Math.round(report.ms)} ms`)}`];
  for (const denial of report.denials) lines.push(dim(`    denied: ${formatDenial(denial)}`));
  if (report.error !== undefined) {
    lines.push(red(indent(report.error.message)));
    if (report.error.log !== undefined) lines.push(indent(report.error.log.trimEnd()));
  }
  return `${lines.join('\n')}\n`;
}

function jsonOf(reports: readonly FileReport[]): string {
  const passed = reports.filter((report) => report.verdict === 'passed').length;
  return toJson({ passed, failed: reports.length - passed, tests: reports });
}

/** Runs the tests of one file, telling of each when it is done. */
async function runFile(
  file: string,
  options: { readonly cwd: string; readonly image: SimImage },
  done: (report: FileReport) => void,
): Promise<void> {
  const shown = relative(options.cwd, file);
  const tests = collectTests(await loadTests(file, shown));
  const host = testHost(file, options.image);
  for (const test of tests) {
    const { name, verdict, ms, denials, error } = await runTest(test, host);
    const report = { file: shown, name, verdict, ms: Math.round(ms * 10) / 10, denials };
    done(error === undefined ? report : { ...report, error });
  }
}

export async function runTests(
  context: Context,
  { kernel, json }: KernelFlags,
  ...paths: readonly string[]
): Promise<void> {
  const files = findTestFiles(paths, context.cwd);
  const image = simImage(openKernelImage(kernel));
  const reports: FileReport[] = [];
  for (const file of files) {
    if (!json) context.write(`${relative(context.cwd, file)}\n`);
    await runFile(file, { cwd: context.cwd, image }, (report) => {
      reports.push(report);
      if (!json) context.write(formatTest(report, context.color));
    });
  }
  if (reports.length === 0) throw new UsageError('the test files hold no tests');
  const failed = reports.filter((report) => report.verdict === 'failed').length;
  if (json) context.write(jsonOf(reports));
  else context.write(`\n${reports.length - failed} passed, ${failed} failed on ${image.release}\n`);
  if (failed > 0) context.process.exitCode = 1;
}
