import { createJiti } from 'jiti';
import * as abi from '../abi/index.ts';
import * as btf from '../btf/index.ts';
import * as client from '../client/index.ts';
import * as isa from '../isa/index.ts';
import * as kernel from '../kernel/index.ts';
import * as node from '../node/index.ts';
import * as object from '../object/index.ts';
import * as sim from '../sim/index.ts';
import * as testing from '../testing/index.ts';
import type { PolicyTest, PolicyTests } from '../testing/index.ts';
import { UsageError } from './context.ts';

/**
 * What test files import as `krsi/…` is this very instance, wherever they lie: a second one would not know the errors
 * and kernels of the first.
 */
const OWN_MODULES = {
  krsi: client,
  'krsi/abi': abi,
  'krsi/btf': btf,
  'krsi/isa': isa,
  'krsi/kernel': kernel,
  'krsi/node': node,
  'krsi/object': object,
  'krsi/sim': sim,
  'krsi/testing': testing,
};

const isTests = (value: unknown): value is PolicyTests => typeof value === 'function';

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * Loads the tests of a file. TypeScript is stripped of its types, not checked.
 * @param shown names the file in messages.
 * @throws UsageError when the file cannot be loaded or has no tests as default export.
 */
export async function loadTests(file: string, shown: string): Promise<readonly PolicyTest[]> {
  const jiti = createJiti(import.meta.url, {
    virtualModules: OWN_MODULES,
    fsCache: false,
    interopDefault: true,
  });
  try {
    const tests: unknown = await jiti.import(file, { default: true });
    if (isTests(tests)) return testing.collectTests(tests);
  } catch (error) {
    throw new UsageError(`${shown}: ${reason(error)}`);
  }
  throw new UsageError(`${shown}: the default export is not policyTests(…)`);
}
