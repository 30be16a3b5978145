import { describe, expect, it } from 'vitest';
import type { Decision, Kernel } from '../kernel/index.ts';
import { firstDifference, show } from './equal.ts';
import { expectationsOn } from './expect.ts';
import { collectTests, expectEqual, formatDenial, policyTests, runTest } from './index.ts';
import { denialOf } from './report.ts';

const DENIED: Decision = {
  seq: 1,
  time: 0,
  syscall: 'unlink',
  hook: 'inode_unlink',
  task: { pid: 7, tgid: 7, comm: 'rm', uid: 0 },
  object: '/etc/shadow',
  result: -1,
  by: {
    layer: 'bpf',
    program: 'guard',
    programId: 3,
    line: { file: '/build/guard.bpf.c', line: 12, text: '\treturn -EPERM;' },
  },
  programs: [{ name: 'guard', id: 3, result: -1 }],
};
const ALLOWED: Decision = {
  ...DENIED,
  result: 0,
  by: undefined,
  programs: [{ name: 'guard', id: 3, result: 0 }],
};
const LINE =
  'rm[7] unlink /etc/shadow: inode_unlink: guard: EPERM at guard.bpf.c:12: return -EPERM;';

const kernelWith = (...decisions: readonly Decision[]): Kernel =>
  ({ decisions: () => decisions.map((d, i) => ({ ...d, seq: i + 1 })) }) as unknown as Kernel;
const silent = { decisions: () => undefined } as unknown as Kernel;

describe('a denial on one line', () => {
  it('says task, call, object, hook, program, errno and source line', () => {
    expect(formatDenial(denialOf(DENIED))).toBe(LINE);
  });

  it('says who denied when it was no program', () => {
    const dac: Decision = {
      ...DENIED,
      hook: undefined,
      by: { layer: 'dac', rule: 'no w' },
      result: -13,
    };
    expect(formatDenial(denialOf(dac))).toBe('rm[7] unlink /etc/shadow: no hook: dac: EACCES');
  });
});

describe('expectDenied', () => {
  const failures: readonly (readonly [string, Kernel, number, object, string])[] = [
    [
      'success',
      kernelWith(ALLOWED),
      0,
      { errno: 'EPERM', by: 'guard' },
      'expected a denial by guard with EPERM, but the call gave 0\n  rm[7] unlink: inode_unlink: allowed (guard = 0)',
    ],
    [
      'another errno',
      kernelWith(DENIED),
      -1,
      { errno: 'EACCES' },
      `expected a denial with EACCES, but the call failed with EPERM\n  ${LINE}`,
    ],
    [
      'another program',
      kernelWith(DENIED),
      -1,
      { by: 'other' },
      `expected a denial by other, but it was denied otherwise\n  ${LINE}`,
    ],
    [
      'another hook',
      kernelWith(DENIED),
      -1,
      { hook: 'path_unlink' },
      'expected a denial at path_unlink, but it was denied otherwise',
    ],
    [
      'a failure that nobody decided',
      kernelWith(),
      -2,
      {},
      'expected a denial; the call failed with ENOENT, but nobody denied it',
    ],
  ];
  it.each(failures)(
    'fails on %s, showing what was decided',
    (_name, kernel, result, expected, message) => {
      expect(() => expectationsOn(kernel).expectDenied(result, expected)).toThrow(message);
    },
  );

  it('holds for the denial that was asked for, and looks at each decision once', () => {
    const { expectDenied } = expectationsOn(kernelWith(DENIED));
    expectDenied(-1, { errno: 'EPERM', by: 'guard', hook: 'inode_unlink' });
    expect(() => expectDenied(-1)).toThrow('nobody denied it');
  });

  it('takes the errno alone on a kernel that does not tell its decisions', () => {
    expectationsOn(silent).expectDenied(-1, { errno: 'EPERM', by: 'guard' });
  });
});

describe('expectAllowed', () => {
  it('gives the result back', () => {
    expect(expectationsOn(kernelWith(ALLOWED)).expectAllowed(3)).toBe(3);
  });

  it('fails on a denial, showing it', () => {
    const { expectAllowed } = expectationsOn(kernelWith(DENIED));
    expect(() => expectAllowed(-1)).toThrow(
      `expected success, but the call failed with EPERM\n  ${LINE}`,
    );
  });

  it('takes a failure that is expected for another reason', () => {
    expectationsOn(kernelWith(ALLOWED)).expectAllowed(-111, { errno: 'ECONNREFUSED' });
    const { expectAllowed } = expectationsOn(kernelWith(ALLOWED));
    expect(() => expectAllowed(0, { errno: 'ECONNREFUSED' })).toThrow('expected ECONNREFUSED');
  });
});

describe('expectEqual', () => {
  const equal: readonly (readonly [unknown, unknown])[] = [
    [1, 1],
    [Number.NaN, Number.NaN],
    [
      { a: [1, 2n], b: Uint8Array.of(1) },
      { b: Uint8Array.of(1), a: [1, 2n] },
    ],
  ];
  it.each(equal)('%s is %s', (a, b) => {
    expectEqual(a, b);
  });

  const different: readonly (readonly [unknown, unknown, string])[] = [
    [1, 1n, ''],
    [{ a: { b: [1, 2] } }, { a: { b: [1, 3] } }, '.a.b[1]'],
    [[1], [1, 2], '[1]'],
    [{ a: undefined }, {}, '.a'],
    [Uint8Array.of(1, 2), [1, 2], ''],
    [Uint8Array.of(1, 2), Uint8Array.of(1, 3), '[1]'],
    [null, {}, ''],
  ];
  it.each(different)('%s is not %s', (a, b, at) => {
    expect(firstDifference(a, b)).toBe(at);
    expect(() => expectEqual(a, b)).toThrow(`expected ${show(b)}\n  actual   ${show(a)}`);
  });
});

const host = (kernel: Kernel, objects: readonly string[] = []) => {
  let now = 0;
  return {
    file: 'testing.test.ts',
    boot: () => Promise.resolve({ kernel, shutdown: () => objects }),
    readObject: () => new Uint8Array(),
    supervise: (body: () => Promise<void>) => body(),
    now: () => (now += 5),
  };
};

describe('a test', () => {
  const [passing, failing, idle, firing] = collectTests(
    policyTests((test) => {
      test('passes', async ({ boot }) => {
        (await boot()).expectDenied(-1);
      });
      test('fails', async ({ boot }) => {
        await (await boot()).load('broken.bpf.o');
      });
      test('boots nothing', () => Promise.resolve());
      test('calls a hook', async ({ boot }) => {
        const { fire, expectDenied } = await boot();
        expectDenied(fire('settime', { ts: null, tz: null }).result, { errno: 'EPERM' });
      });
    }),
  );

  it('is reported with its time and the denials it met', async () => {
    const report = await runTest(passing!, host(kernelWith(ALLOWED, DENIED)));
    expect(report).toMatchObject({ name: 'passes', verdict: 'passed', ms: 5 });
    expect(report.denials.map((d) => d.by)).toEqual(['guard']);
  });

  it('fails with what was thrown', async () => {
    const report = await runTest(failing!, host(kernelWith()));
    expect(report).toMatchObject({ verdict: 'failed' });
    expect(report.error?.message).toMatch(/^broken\.bpf\.o: ELF/);
    expect(report.error?.line).toBeGreaterThan(1);
  });

  it('fails when objects are left over', async () => {
    const report = await runTest(passing!, host(kernelWith(DENIED), ["map 1 'events'"]));
    expect(report.error?.message).toBe("left behind: map 1 'events'");
  });

  it('needs no kernel', async () => {
    expect(await runTest(idle!, host(silent))).toMatchObject({ verdict: 'passed', denials: [] });
  });

  it('calls hooks where the kernel can', async () => {
    const { boot, ...rest } = host(kernelWith(DENIED));
    const fire = () => ({ result: DENIED.result, decision: DENIED });
    const able = { ...rest, boot: async () => ({ ...(await boot()), fire }) };
    expect(await runTest(firing!, able)).toMatchObject({ verdict: 'passed' });
    const unable = await runTest(firing!, { ...rest, boot });
    expect(unable.error?.message).toContain('only the simulated kernel can call a hook directly');
  });

  it('has a name of its own in its file', () => {
    const twice = policyTests((test) => {
      test('a', () => Promise.resolve());
      test('a', () => Promise.resolve());
    });
    expect(() => collectTests(twice)).toThrow("two tests are called 'a'");
  });

  it.each([
    [[5, () => Promise.resolve()], 'the name of a test is one line of text, not 5'],
    [['two\nlines', () => Promise.resolve()], 'the name of a test is one line of text, not "two'],
    [['no body'], "the body of test 'no body' is no function"],
  ])('is registered with a name and a body: %j', (args, message) => {
    const define = policyTests((test) => Reflect.apply(test, undefined, args));
    expect(() => collectTests(define)).toThrow(message);
  });
});
