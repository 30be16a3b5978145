import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { UsageError } from './context.ts';

const IS_TEST = /\.test\.[tj]s$/;
const SKIPPED = new Set(['node_modules', '.git', 'dist']);

function* filesUnder(folder: string): Generator<string> {
  const entries = readdirSync(folder, { withFileTypes: true });
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!SKIPPED.has(entry.name)) yield* filesUnder(path);
    } else if (IS_TEST.test(entry.name)) yield path;
  }
}

/**
 * The test files that the arguments name, each once, those of a folder in the order of their names.
 * @throws UsageError when a path does not exist or there is no test at all.
 */
export function findTestFiles(paths: readonly string[], cwd: string): readonly string[] {
  const found = new Set<string>();
  for (const path of paths.length === 0 ? ['.'] : paths) {
    const full = resolve(cwd, path);
    if (!existsSync(full)) throw new UsageError(`${path}: no such file or folder`);
    if (statSync(full).isDirectory()) for (const file of filesUnder(full)) found.add(file);
    else if (IS_TEST.test(full)) found.add(full);
    else throw new UsageError(`${path}: is no test file (*.test.ts or *.test.js)`);
  }
  if (found.size === 0)
    throw new UsageError(`no tests (*.test.ts or *.test.js) in ${paths.join(', ') || '.'}`);
  return [...found];
}
