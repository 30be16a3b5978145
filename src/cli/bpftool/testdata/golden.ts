import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A text beside this file, as bpftool printed it. */
export const golden = (name: string): string =>
  readFileSync(join(import.meta.dirname, `${name}.txt`), 'utf8');
