import { execFile } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { shippedKernels } from '../node/index.ts';
import { runCli } from './run.ts';

const root = join(import.meta.dirname, '../..');

describe('the example policies', () => {
  it.each(shippedKernels().map((kernel) => kernel.series))(
    'hold on Linux %s',
    async (series) => {
      let out = '';
      const code = await runCli(['test', 'examples', '--kernel', series, '--json'], {
        stdout: { write: (text) => (out += text) },
        stderr: { write: (text) => (out += text) },
        env: {},
        cwd: () => root,
      });
      const report = JSON.parse(out) as {
        passed: number;
        failed: number;
        tests: { verdict: string }[];
      };
      expect(report.tests.filter((test) => test.verdict !== 'passed')).toEqual([]);
      expect(report.passed).toBeGreaterThanOrEqual(25);
      expect(code).toBe(0);
    },
    60_000,
  );
});

describe('the built command', () => {
  const main = join(root, 'dist/cli/main.js');
  const shell = (line: string): Promise<{ code: number; out: string; err: string }> =>
    new Promise((done) => {
      const options = { cwd: root, env: { ...process.env, KRSI: `${process.execPath} ${main}` } };
      execFile('bash', ['-c', `set -o pipefail; ${line}`], options, (error, out, err) =>
        done({ code: typeof error?.code === 'number' ? error.code : 0, out, err }),
      );
    });

  it('is quiet when its reader closes the pipe', async () => {
    expect(await shell('$KRSI btf dump 6.12 | head -n 1')).toEqual({
      code: 0,
      out: '#ifndef __VMLINUX_H__\n',
      err: '',
    });
  });

  const stray = {
    'a promise': "void Promise.reject(new Error('too late'));",
    'a timer':
      "setTimeout(() => { throw new Error('too late'); }); await new Promise((f) => setTimeout(f, 50));",
  };
  it.each(Object.entries(stray))('%s that nobody waited for fails its test', async (_, body) => {
    const folder = mkdtempSync(join(tmpdir(), 'krsi-cli-'));
    writeFileSync(
      join(folder, 'a.test.ts'),
      `import { policyTests } from 'krsi/testing';
       export default policyTests((test) => {
         test('strays', async () => { ${body} });
         test('leaves a timer', async () => { setInterval(() => undefined, 1000); });
       });`,
    );
    const { code, out, err } = await shell(`$KRSI test ${folder}`);
    expect(out).toMatch(/FAIL strays \d+ ms\n {4}too late\n.*pass leaves a timer/s);
    expect({ code, err }).toEqual({ code: 1, err: '' });
  });

  it('writes errors to standard error, in one line, and exits with 2', async () => {
    const { code, out, err } = await shell('$KRSI dis README.md');
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/^krsi: README\.md: ELF at offset 0x0: .*\n$/);
  });
});
