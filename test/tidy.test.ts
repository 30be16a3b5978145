import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '..');
const tracked = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((f) => /\.(ts|c|h|md|json|sh)$/.test(f));
const code = tracked.filter((f) => f.endsWith('.ts') && !f.endsWith('.gen.ts'));
const read = (file: string): string => readFileSync(resolve(root, file), 'utf8');

/** Files that may be longer than the limit, each with the reason. */
const LONGER: Record<string, string> = {};
const MAX_LINES = 600;
const MAX_COLUMNS = 120;

describe('tidy', () => {
  it(`files have at most ${MAX_LINES} lines`, () => {
    const long = code.filter((f) => !(f in LONGER) && read(f).split('\n').length > MAX_LINES);
    expect(long).toEqual([]);
  });

  it(`lines have at most ${MAX_COLUMNS} columns`, () => {
    const wide = code.flatMap((f) =>
      read(f)
        .split('\n')
        .flatMap((line, i) => (line.length > MAX_COLUMNS ? [`${f}:${i + 1}`] : [])),
    );
    expect(wide).toEqual([]);
  });

  it('nothing is left undone or untyped in the text', () => {
    // Spelt apart, so that this file does not find itself.
    const marks = /\b(?:TO[D]O|FIX[M]E|HA[C]K)\b|@ts-(?:ig[n]ore|no[c]heck)/;
    expect(code.filter((f) => marks.test(read(f)))).toEqual([]);
  });
});
