import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCli } from './run.ts';

const root = join(import.meta.dirname, '../..');
const OBJECT = 'examples/protect_file/protect_file.bpf.o';

/** Runs the command as from a shell in the repository, or in `cwd`. */
async function krsi(
  args: readonly string[],
  options: { cwd?: string; tty?: boolean; env?: Record<string, string> } = {},
): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const code = await runCli(args, {
    stdout: { isTTY: options.tty ?? false, write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    env: options.env ?? {},
    cwd: () => options.cwd ?? root,
  });
  return { code, out, err };
}

/** A folder with these files. */
function folder(files: Readonly<Record<string, string | Uint8Array>>): string {
  const path = mkdtempSync(join(tmpdir(), 'krsi-cli-'));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content);
  return path;
}

const PASSING = `import { expectEqual, policyTests } from 'krsi/testing';
export default policyTests((test) => {
  test('adds', async (): Promise<void> => { expectEqual(1 + 1, 2); });
});`;
const FAILING = `import { expectEqual, policyTests } from 'krsi/testing';
export default policyTests((test) => {
  test('adds wrongly', async () => { expectEqual(1 + 1, 3); });
});`;
const ROOTS = `import { policyTests } from 'krsi/testing';
export default policyTests((test) => {
  test('is denied', async ({ boot }) => {
    const { kernel, expectDenied } = await boot();
    const user = await kernel.spawn({ uid: 1000, comm: 'cat' });
    expectDenied(await user.call('open', '/etc/shadow', 0), { errno: 'EACCES', by: 'dac' });
  });
});`;

describe('bad usage ends with exit code 2 and one line', () => {
  const object = readFileSync(join(root, OBJECT));
  const cwd = folder({
    'notes.txt': 'no object',
    'empty.o': '',
    'cut.o': object.subarray(0, 3000),
    'host.o': readFileSync(process.execPath).subarray(0, 4096),
    'broken.test.ts': 'export default policyTests(',
    'throws.test.ts': "throw new Error('thrown on import');",
    'number.test.ts': 'export default 5;',
    'ok.test.ts': PASSING,
    'none.test.ts': 'export default () => {};',
    'missing.test.ts': "import 'krsi/nothing';",
  });
  mkdirSync(join(cwd, 'empty'));
  const cases: readonly (readonly [args: string, message: RegExp])[] = [
    ['tset', /there is no command 'tset'; did you mean `test`\?/],
    ['btf dmup 6.12', /there is no command 'dmup'; did you mean `dump`\?/],
    ['test --verbose', /verbose/],
    ['test --kernel', /kernel/],
    [
      'test --kernel 5.4 ok.test.ts',
      /5\.4: neither a shipped kernel \(6\.1, 6\.12, 6\.18\) nor a file/,
    ],
    [
      `test ok.test.ts --kernel ${OBJECT}`,
      /protect_file\.bpf\.o: is no kernel: its BTF has no struct task_struct/,
    ],
    ['test nowhere', /nowhere: no such file or folder/],
    ['test empty', /no tests \(\*\.test\.ts or \*\.test\.js\) in empty/],
    ['test notes.txt', /notes\.txt: is no test file/],
    ['test broken.test.ts', /broken\.test\.ts: /],
    ['test throws.test.ts', /throws\.test\.ts: thrown on import/],
    ['test number.test.ts', /number\.test\.ts: the default export is not policyTests/],
    ['test none.test.ts', /the test files hold no tests/],
    ['test missing.test.ts', /missing\.test\.ts: .*krsi\/nothing/],
    ['dis', /OBJECT/],
    ['dis nowhere.o', /nowhere\.o: no such file/],
    ['dis @empty', /empty: is a directory, not a file/],
    ['dis @notes.txt', /notes\.txt: ELF at offset 0x0/],
    ['dis @empty.o', /empty\.o: ELF at offset 0x0/],
    ['dis @cut.o', /cut\.o: ELF/],
    ['dis @host.o', /host\.o: ELF/],
    ['dis @cut.o a b', /b|many/],
    ['object nowhere.o', /nowhere\.o: no such file/],
    ['object @cut.o --kernel @notes.txt', /: /],
    ['btf dump @notes.txt', /notes\.txt: starts with .* not BTF, ELF or a bzImage/],
    ['btf dump @empty.o', /empty\.o: is empty/],
    ['btf dump @empty', /empty: is a directory/],
    ['btf dump 6.12 --format yaml', /yaml/],
    ['kernels 6.12', /6\.12|many/],
  ];
  it.each(cases)('krsi %s', async (args, message) => {
    const { code, out, err } = await krsi(args.replaceAll('@', `${cwd}/`).split(' '), { cwd });
    expect(err).toMatch(message);
    expect(err).toMatch(/^krsi: .*\n$/);
    expect(err).not.toMatch(/\n {4}at /);
    expect(out).toBe('');
    expect(code).toBe(2);
  });

  it('names the programs there are', async () => {
    const { code, err } = await krsi(['dis', OBJECT, 'protect']);
    expect(code).toBe(2);
    expect(err).toContain(
      "no program 'protect'; there are: protect_unlink, protect_rename, protect_size",
    );
  });

  it.each([['test nowhere --json'], ['object nowhere.o --json'], ['test --json --wrong']])(
    'krsi %s: the error is JSON on standard output',
    async (args) => {
      const { code, out, err } = await krsi(args.split(' '), { cwd });
      expect(code).toBe(2);
      expect(err).toBe('');
      expect(JSON.parse(out)).toEqual({ error: expect.any(String) });
    },
  );
});

describe('help', () => {
  it.each([['--help'], ['test --help'], ['btf dump --help'], ['dis --help'], ['object --help']])(
    'krsi %s teaches with examples',
    async (args) => {
      const { code, out } = await krsi(args.split(' '));
      expect(code).toBe(0);
      expect(out).toContain('USAGE');
      expect(out).toContain('EXAMPLES');
    },
  );

  it('is what krsi alone prints', async () => {
    expect(await krsi([])).toEqual(await krsi(['--help']));
  });

  it('has the version', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      version: string;
    };
    expect((await krsi(['--version'])).out).toBe(`${version}\n`);
  });
});

describe('krsi test', () => {
  it('runs TypeScript tests from any folder, and exits with 0 when all pass', async () => {
    const cwd = folder({
      'a.test.ts': PASSING,
      'b.test.js': PASSING.replace(': Promise<void>', ''),
    });
    const { code, out } = await krsi(['test'], { cwd });
    expect(out).toMatch(
      /^a\.test\.ts\npass adds \d+ ms\nb\.test\.js\npass adds \d+ ms\n\n2 passed, 0 failed on 6\.12/,
    );
    expect(code).toBe(0);
  });

  it('exits with 1 when one fails, and shows why', async () => {
    const cwd = folder({ 'a.test.ts': FAILING, 'b.test.ts': PASSING });
    const { code, out } = await krsi(['test', 'a.test.ts', '.'], { cwd });
    expect(out).toContain('FAIL adds wrongly');
    expect(out).toContain(
      '    values differ\n      expected 3\n      actual   2\n    at a.test.ts:3\n',
    );
    expect(out).toContain('1 passed, 1 failed');
    expect(code).toBe(1);
  });

  it('shows each denial on one line', async () => {
    const { out } = await krsi(['test'], { cwd: folder({ 'a.test.ts': ROOTS }) });
    expect(out).toMatch(/\n {4}denied: cat\[\d+\] open \/etc\/shadow: [\w ]+: dac: EACCES\n/);
  });

  it('gives one JSON object', async () => {
    const cwd = folder({ 'a.test.ts': ROOTS, 'b.test.ts': FAILING });
    const { code, out } = await krsi(['test', '--json'], { cwd });
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      passed: 1,
      failed: 1,
      tests: [
        {
          file: 'a.test.ts',
          name: 'is denied',
          verdict: 'passed',
          ms: expect.any(Number),
          denials: [{ syscall: 'open', by: 'dac', errno: 'EACCES', object: '/etc/shadow' }],
        },
        {
          file: 'b.test.ts',
          verdict: 'failed',
          error: { message: expect.stringContaining('differ'), line: 3 },
        },
      ],
    });
  });

  it('colours only a terminal, unless NO_COLOR is set', async () => {
    const cwd = folder({ 'a.test.ts': PASSING });
    const escape = String.fromCodePoint(27);
    expect((await krsi(['test'], { cwd })).out).not.toContain(escape);
    expect((await krsi(['test'], { cwd, tty: true })).out).toContain(escape);
    expect((await krsi(['test'], { cwd, tty: true, env: { NO_COLOR: '1' } })).out).not.toContain(
      escape,
    );
  });
});

describe('krsi dis', () => {
  it('prints instructions below their source lines', async () => {
    const { out } = await krsi(['dis', OBJECT, 'protect_unlink']);
    expect(out).toMatch(
      /^lsm\/inode_unlink: protect_unlink \(\d+ instructions\)\nprotect_unlink:\n; /,
    );
    expect(out).toContain('; if (!inode) @ protect_file.bpf.c:');
    expect(out).toMatch(/\(18\) r1 = map\[protected_files\]\n/);
    expect(out).toContain('(85) call bpf_map_lookup_elem#1');
    expect(out).not.toContain('protect_rename');
  });

  it('counts instructions as the kernel and krsi object do', async () => {
    const dis = (await krsi(['dis', OBJECT, 'protect_unlink'])).out;
    const count = /\((\d+) instructions\)/.exec(dis)?.[1];
    expect((await krsi(['object', OBJECT])).out).toMatch(
      new RegExp(`protect_unlink .* ${count} instructions`),
    );
    const last = [...dis.matchAll(/^ *(\d+): /gm)].at(-1)?.[1];
    expect(Number(last) + 1).toBe(Number(count));
  });

  it('names subprograms and callbacks where they start', async () => {
    const { out } = await krsi(['dis', 'examples/exec_env/exec_env.bpf.o']);
    expect(out).toContain('\nscan_byte:\n');
    expect(out).toMatch(/\(18\) r2 = func\[\d+\]/);
  });
});

/** Whether protect_file finds the hook declared as in newer kernels. */
const matches = async (kernel: string): Promise<unknown> => {
  const { out } = await krsi(['object', OBJECT, '--json', '--kernel', kernel]);
  const report = JSON.parse(out) as {
    programs: { name: string; relocations: { kind: string; value: number }[] }[];
  };
  return report.programs
    .find((p) => p.name === 'protect_size')
    ?.relocations.find((r) => r.kind === 'type_matches')?.value;
};

describe('krsi object', () => {
  it('shows programs, maps, variables and what relocations resolve to', async () => {
    const { out } = await krsi(['object', 'examples/exec_env/exec_env.bpf.o']);
    expect(out).toContain('licence GPL');
    expect(out).toMatch(
      /report_exec +lsm\.s\/bprm_committed_creds +LSM LSM_MAC +\d+ instructions +sleepable/,
    );
    expect(out).toMatch(/events +RINGBUF +key 0 +value 0 +max 65536/);
    expect(out).toMatch(/max_bytes +\.rodata +const volatile __u32 +262144/);
    expect(out).toMatch(/report_exec +\d+ +byte_off +struct linux_binprm\.argc .* = \d+/);
  });

  it('answers for the kernel that is asked about', async () => {
    expect(await matches('6.1')).toBe(0);
    expect(await matches('6.12')).toBe(1);
    expect(await matches('6.18')).toBe(1);
  });
});

describe('krsi btf dump', () => {
  it('prints C by default and types one by one on demand', async () => {
    const c = await krsi(['btf', 'dump', OBJECT]);
    expect(c.code).toBe(0);
    expect(c.out).toContain('struct file_id {');
    const raw = await krsi(['btf', 'dump', OBJECT, '--format', 'raw']);
    expect(raw.out).toMatch(/\] STRUCT 'file_id' size=16 vlen=2/);
  });
});

describe('krsi kernels', () => {
  it('lists what is in the package', async () => {
    expect((await krsi(['kernels'])).out).toMatch(/^6\.1 .*\n6\.12 .*\n6\.18 .*\n$/);
    const { kernels } = JSON.parse((await krsi(['kernels', '--json'])).out) as {
      kernels: unknown[];
    };
    expect(kernels).toHaveLength(3);
  });
});
