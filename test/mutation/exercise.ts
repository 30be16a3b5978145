import { FormatError } from '../../src/abi/index.ts';
import {
  checkBtf,
  createCoreCache,
  formatOutcome,
  formatType,
  printC,
  printRaw,
  printStaticAsserts,
  readBtf,
  relocate,
  type Btf,
} from '../../src/btf/index.ts';
import { readObject, type CollectionSpec } from '../../src/object/index.ts';

/** What hostile input may do instead of loading: break a rule of its format, said with the file and the place. */
const isHonest = (error: unknown, files: readonly string[]): boolean =>
  error instanceof FormatError &&
  files.includes(error.file) &&
  Number.isSafeInteger(error.offset) &&
  error.offset >= 0 &&
  error.rule.length > 0;

/** Runs one use of the input; rethrows every error that is not an honest refusal of it. */
type Attempt = (use: () => void) => void;

const attemptOn =
  (...files: readonly string[]): Attempt =>
  (use) => {
    try {
      use();
    } catch (error) {
      if (!isHonest(error, files)) throw error;
    }
  };

/** Reading one type may take time in proportion to the file, so not all types of a large one are. */
const MAX_TYPES = 256;

const readTypes = (btf: Btf, attempt: Attempt): void => {
  const step = Math.ceil(btf.typeCount / MAX_TYPES);
  for (let id = 0; id < btf.typeCount; id += step) {
    attempt(() => {
      btf.type(id);
      btf.resolve(id);
      btf.findFlavors(btf.name(id), btf.kind(id));
    });
    attempt(() => btf.sizeOf(id));
    attempt(() => btf.alignOf(id));
    attempt(() => formatType(btf, id));
  }
};

const printTypes = (btf: Btf, attempt: Attempt): void => {
  for (const print of [checkBtf, printRaw, printC, printStaticAsserts]) attempt(() => print(btf));
};

const relocateAll = (spec: CollectionSpec, local: Btf, target: Btf, attempt: Attempt): void => {
  const cache = createCoreCache();
  for (const { code, coreRelocations: relocations, lines } of spec.programs.values())
    attempt(() => {
      const input = { code, relocations, lines, local, targets: [target], cache };
      relocate(input).outcomes.forEach(formatOutcome);
    });
};

/** Reads an object and all that it holds, and relocates its programs against `target`. */
export const exerciseObject = (bytes: Uint8Array, file: string, target: Btf): void => {
  const attempt = attemptOn(file, target.file);
  attempt(() => {
    const spec = readObject(bytes, { file });
    if (spec.btf === undefined) return;
    readTypes(spec.btf, attempt);
    printTypes(spec.btf, attempt);
    relocateAll(spec, spec.btf, target, attempt);
  });
};

/** Reads BTF and prints it, and relocates the programs of `object` against it. */
export const exerciseBtf = (bytes: Uint8Array, file: string, object: CollectionSpec): void => {
  const attempt = attemptOn(file, object.file);
  attempt(() => {
    const btf = readBtf(bytes, { file });
    readTypes(btf, attempt);
    printTypes(btf, attempt);
    if (object.btf !== undefined) relocateAll(object, object.btf, btf, attempt);
  });
};
