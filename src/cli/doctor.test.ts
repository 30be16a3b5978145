import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Check } from './checkup.ts';
import { formatExamination } from './commands/doctor.ts';
import { runCli } from './run.ts';
import { lsmsIn, whyInactive, type SecurityText } from './securityfs.ts';

const checks: readonly Check[] = [
  { name: 'kernel', state: 'info', text: '6.12.86' },
  { name: 'active LSMs', state: 'no', text: 'lockdown,capability', fix: 'boot with lsm=…' },
  { name: 'BTF', state: 'ok', text: '5 bytes' },
  { name: 'lockdown', state: 'unknown', text: 'cannot be read' },
];

describe('the report on a machine', () => {
  it('is a table with what to do below what is wrong', () => {
    const canary = { verdict: 'not enforcing', why: 'nobody asked' } as const;
    expect(formatExamination({ checks, canary }, false)).toBe(
      [
        'kernel                6.12.86',
        'active LSMs  NO       lockdown,capability',
        '                      fix: boot with lsm=…',
        'BTF          ok       5 bytes',
        'lockdown     unknown  cannot be read',
        '',
        'NOT ENFORCING: nobody asked',
        '',
      ].join('\n'),
    );
  });

  it('has colours only where they are wanted', () => {
    const canary = { verdict: 'enforcing' } as const;
    expect(formatExamination({ checks, canary }, false)).not.toContain('\u001B');
    expect(formatExamination({ checks, canary }, true)).toContain('\u001B[32mENFORCING');
  });
});

const lists: [name: string, told: SecurityText, why: RegExp | undefined][] = [
  ['bpf at the end', { text: 'lockdown,capability,landlock,bpf' }, undefined],
  ['bpf in the middle', { text: 'capability,bpf,ima' }, undefined],
  ['no bpf', { text: 'lockdown,capability' }, /boot with lsm=lockdown,capability,bpf /],
  ['a name that only contains it', { text: 'capability,bpfx' }, /bpf is not among/],
  ['a list that cannot be read', { unknown: 'no securityfs' }, /cannot be told: no securityfs/],
];

describe('the list of active LSMs', () => {
  it.each(lists)('with %s', (_, told, why) => {
    const reason = whyInactive(lsmsIn(told));
    if (why === undefined) expect(reason).toBeUndefined();
    else expect(reason).toMatch(why);
  });
});

const root = join(import.meta.dirname, '../..');
const OBJECT = 'src/cli/testdata/values.bpf.o';

async function krsi(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const code = await runCli(args, {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    env: {},
    cwd: () => root,
  });
  return { code, out, err };
}

const folder = mkdtempSync(join(tmpdir(), 'krsi-load-'));
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

const usage: [name: string, args: string[], error: RegExp][] = [
  ['load without an object', ['load'], /OBJECT/],
  ['an object that is not there', ['load', 'nope.o'], /nope\.o: no such file/],
  ['a text as object', ['load', file('a.txt', 'x')], /a\.txt/],
  ['a variable without a value', ['load', OBJECT, '--var', 'x'], /--var x: write it as NAME=VALUE/],
  ['a map without a file', ['load', OBJECT, '--map', '=x'], /--map =x: write it as NAME=VALUE/],
  ['a map file that is not there', ['load', OBJECT, '--map', 'plain=/nope.json'], /\/nope\.json/],
  [
    'a map file that is no JSON',
    ['load', OBJECT, '--map', `plain=${file('m.json', '{')}`],
    /m\.json: is no JSON/,
  ],
  ['an unknown flag', ['load', OBJECT, '--nope'], /--nope/],
  ['a count that is none', ['events', '--count', '0'], /--count takes a number from 1, not 0/],
  ['a word too many', ['doctor', 'now'], /now/],
  ['an unknown verb', ['prog', 'shout'], /there is no command 'shout'/],
];

describe('bad usage on the real kernel', () => {
  it.each(usage)('is one line and exit code 2: %s', async (_, args, error) => {
    const { code, out, err } = await krsi(...args);
    expect(err).toMatch(error);
    expect(err.trimEnd()).not.toContain('\n');
    expect({ code, out }).toEqual({ code: 2, out: '' });
  });
});

const VERBS = ['load', 'events', 'doctor', 'prog show', 'map update', 'link detach', 'cgroup tree'];

describe('help', () => {
  it.each(VERBS)('teaches by example: %s', async (verb) => {
    const { code, out } = await krsi(...verb.split(' '), '--help');
    expect(code).toBe(0);
    expect(out).toContain(`EXAMPLES\n  krsi ${verb}`);
  });
});
