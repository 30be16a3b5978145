// Tells whether two builds of BPF objects hold the same programs: instructions, what they refer to, maps and data.
// Source paths, debug information and compiler names may differ. Usage: compare-bpf.ts COMMITTED FRESH…
import { existsSync, readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { FormatError } from '../src/abi/index.ts';
import { readObject, type CollectionSpec } from '../src/object/index.ts';

const comparable = (spec: CollectionSpec): Readonly<Record<string, unknown>> => ({
  ...Object.fromEntries(
    Array.from(spec.programs, ([name, { code, references, section, coreRelocations }]) => [
      `program ${name}`,
      {
        code,
        section,
        references: references.map(({ insn, target }) => [insn, { ...target, typeId: undefined }]),
        relocations: coreRelocations.map(({ insn, access, kind }) => [insn, access, kind]),
      },
    ]),
  ),
  ...Object.fromEntries(
    Array.from(spec.maps, ([name, map]) => [
      `map ${name}`,
      { ...map, keyType: undefined, valueType: undefined, inner: undefined },
    ]),
  ),
  license: spec.license,
});

/** An object that is refused, as some of the tests want, counts as what the refusal says. */
const read = (file: string): Readonly<Record<string, unknown>> => {
  try {
    return comparable(readObject(readFileSync(file), { file: 'object' }));
  } catch (error) {
    if (error instanceof FormatError) return { refusal: error.message };
    throw error;
  }
};

/** What differs, by name. */
const compare = (committed: string, fresh: string): readonly string[] => {
  if (!existsSync(committed)) return ['it was never built'];
  const [a, b] = [read(committed), read(fresh)];
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter(
    (key) => !isDeepStrictEqual(a[key], b[key]),
  );
};

const files = process.argv.slice(2);
let failed = false;
for (let i = 0; i + 1 < files.length; i += 2) {
  const [committed = '', fresh = ''] = files.slice(i, i + 2);
  const differences = compare(committed, fresh);
  if (differences.length > 0) {
    failed = true;
    console.error(`${committed} is not what its source builds: ${differences.join(', ')}`);
  }
}
console.log(failed ? 'run npm run build:bpf' : `${files.length / 2} objects are up to date`);
process.exitCode = failed ? 1 : 0;
