import type { Btf } from '../btf/index.ts';
import type { Collection, LoadOptions } from '../client/index.ts';
import type { Kernel } from '../kernel/index.ts';
import type { FireArguments, Fired } from '../sim/index.ts';
import { show } from './equal.ts';
import type { Expectations } from './expect.ts';

/** A freshly booted kernel with what a test wants to do on it. */
export interface Machine extends Expectations {
  readonly kernel: Kernel;
  /** The kernel's own types. */
  readonly btf: () => Promise<Btf>;
  /**
   * Loads an object file and attaches its programs. Both end with the test.
   * @param path of the object, relative to the folder of the test file.
   */
  readonly load: (path: string, options?: PolicyOptions) => Promise<Collection>;
  /**
   * Calls any hook of the kernel's BTF, whether or not a system call reaches it. Arguments by name or position:
   * numbers, strings for `char *`, null, objects that describe a struct by its members.
   * @throws HookArgumentError when the arguments do not fit the hook; Error on a kernel that cannot call hooks.
   */
  readonly fire: (hook: string, args: FireArguments) => Fired;
}

export interface PolicyOptions extends Omit<LoadOptions, 'kernel' | 'kernelBtf' | 'file'> {
  /** False leaves the programs loaded but not attached. */
  readonly attach?: boolean;
}

export interface TestContext {
  readonly boot: () => Promise<Machine>;
}

export type TestBody = (context: TestContext) => Promise<void>;
export type TestFunction = (name: string, body: TestBody) => void;
/** What a test file exports as default. */
export type PolicyTests = (test: TestFunction) => void;

/**
 * The tests of a file, as its default export.
 * @example
 * export default policyTests((test) => {
 *   test('a protected file is not removed', async ({ boot }) => {
 *     const { kernel, load, expectDenied } = await boot();
 *     …
 *   });
 * });
 */
export const policyTests = (define: PolicyTests): PolicyTests => define;

const isBody = (value: unknown): value is TestBody => typeof value === 'function';

export interface PolicyTest {
  readonly name: string;
  readonly body: TestBody;
}

/**
 * Test files are not type-checked before they run, so this checks what they register.
 * @throws Error for a test without a name of its own or without a body.
 */
export function collectTests(define: PolicyTests): readonly PolicyTest[] {
  const tests = new Map<string, PolicyTest>();
  define((name: unknown, body: unknown) => {
    if (typeof name !== 'string' || !/^\P{Cc}+$/u.test(name))
      throw new Error(`the name of a test is one line of text, not ${show(name)}`);
    if (!isBody(body)) throw new Error(`the body of test '${name}' is no function`);
    if (tests.has(name)) throw new Error(`two tests are called '${name}'`);
    tests.set(name, { name, body });
  });
  return [...tests.values()];
}
