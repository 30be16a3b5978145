import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readBtf } from '../../src/btf/index.ts';
import { readObject } from '../../src/object/index.ts';
import { exerciseBtf, exerciseObject } from './exercise.ts';
import { btfFields, elfFields } from './fields.ts';
import { hostileBtfs } from './hostile.ts';
import { createSubject, mutate, type Subject } from './mutate.ts';
import { createRandom } from './random.ts';

const root = resolve(import.meta.dirname, '../..');
/** Another seed, or more mutants, look further: `MUTATION_SEED=7 MUTATION_COUNT=20000 npx vitest run test/mutation`. */
const SEED = Number(process.env['MUTATION_SEED'] ?? 1);
const COUNT = Number(process.env['MUTATION_COUNT'] ?? 2400);
const MAX_MILLISECONDS = 1000;
const MAX_BYTES = 2 ** 30;

const load = (file: string): Uint8Array => new Uint8Array(readFileSync(join(root, file)));
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer);
const filesIn = (dir: string, ending: string): string[] =>
  readdirSync(join(root, dir), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(ending))
    .map((file) => join(dir, file))
    .toSorted();

const TESTDATA = 'src/btf/core/testdata';
const target = readBtf(load(`${TESTDATA}/target.btf`), { file: 'target.btf' });
const local = readObject(load(`${TESTDATA}/local.bpf.o`), { file: 'local.bpf.o' });
/** One program in 16 of those that are relocated against mutated BTF. */
const probe = { ...local, programs: new Map([...local.programs].filter((_, i) => i % 16 === 0)) };

const SMALL = 32 * 1024;
const objects = [...filesIn('examples', '.bpf.o'), ...filesIn('src', '.bpf.o')]
  .filter((file) => !file.includes('/bad/'))
  .map((file) => ({ file, bytes: load(file) }))
  .filter(({ bytes }) => bytes.length < SMALL)
  .map(({ file, bytes }) => createSubject(file, bytes, elfFields(viewOf(bytes))));

const btfs = [target, ...objects.map(({ name, bytes }) => readObject(bytes, { file: name }).btf)]
  .filter((btf) => btf !== undefined)
  .map(({ file, bytes }) => {
    const own = new Uint8Array(bytes);
    return createSubject(file, own, btfFields(viewOf(own), 0));
  });

interface Failure {
  readonly mutant: string;
  readonly changes: readonly string[];
  readonly error: string;
}

/** Time is taken again before it counts, since the machine may have been busy with something else. */
const isSlow = (use: () => void): boolean => {
  for (let i = 0; i < 3; i++) {
    const start = performance.now();
    use();
    if (performance.now() - start < MAX_MILLISECONDS) return false;
  }
  return true;
};

const judge = (use: () => void): string | undefined => {
  try {
    if (isSlow(use)) return `takes more than ${MAX_MILLISECONDS} ms`;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers > MAX_BYTES ? 'takes more than 1 GiB' : undefined;
};

type Use = (bytes: Uint8Array, file: string) => void;
const useObject: Use = (bytes, file) => exerciseObject(bytes, file, target);
const useBtf: Use = (bytes, file) => exerciseBtf(bytes, file, probe);

const failuresOf = (
  subjects: readonly Subject[],
  indices: readonly number[],
  use: Use,
): Failure[] =>
  indices.flatMap((index) => {
    const random = createRandom(SEED * 1_000_003 + index);
    const subject = random.pick(subjects);
    const { bytes, changes } = mutate(subject, random);
    const error = judge(() => use(bytes, subject.name));
    const mutant = `#${index} of seed ${SEED}: ${subject.name}`;
    return error === undefined ? [] : [{ mutant, changes, error }];
  });

/** Mutants go in parts, so that a report says where it stands. */
const PART = 200;
const parts = Array.from({ length: Math.ceil(COUNT / 2 / PART) }, (_, i) => i * PART);
const indicesFrom = (first: number): number[] => Array.from({ length: PART }, (_, i) => first + i);

describe(`mutants load or are refused with their file and place (seed ${SEED})`, () => {
  it.each(parts)('of objects, from #%i', (first) => {
    expect(failuresOf(objects, indicesFrom(first), useObject)).toEqual([]);
  });

  it.each(parts)('of BTF, from #%i', (first) => {
    expect(failuresOf(btfs, indicesFrom(first), useBtf)).toEqual([]);
  });
});

describe('types that make no sense are read or refused in time', () => {
  it.each(hostileBtfs())('$name', ({ name, bytes }) => {
    expect(judge(() => useBtf(bytes, name))).toBeUndefined();
  });
});
