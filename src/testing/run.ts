import { readBtf, type Btf } from '../btf/index.ts';
import { BpfError, Collection, LoadError } from '../client/index.ts';
import type { Kernel } from '../kernel/index.ts';
import type { FireArguments, Fired } from '../sim/index.ts';
import { show } from './equal.ts';
import { expectationsOn } from './expect.ts';
import { denialOf, isDenial, type Denial } from './report.ts';
import type { Machine, PolicyTest } from './suite.ts';

/** A kernel that a test runs on, with what only its maker can tell. */
export interface BootedKernel {
  readonly kernel: Kernel;
  /** Its BTF, open: shared by all that is loaded into it. */
  readonly kernelBtf?: Btf;
  /**
   * Ends all tasks but the first, and tells which BPF objects are alive then, each named for people: `map 7 events`.
   * Undefined where nobody can tell.
   */
  shutdown?(): readonly string[] | Promise<readonly string[]>;
  /** Calls a hook directly, where the kernel can: the simulated one. */
  fire?(hook: string, args: FireArguments): Fired;
}

/** What the tests need from outside: kernels, files and a clock. */
export interface TestHost {
  /** Path of the test file as it stands in stack traces. */
  readonly file: string;
  boot(): Promise<BootedKernel>;
  /** @param path relative to the folder of the test file. */
  readObject(path: string): Uint8Array;
  /** Runs the body of a test, for as long as a test may take. */
  supervise(body: () => Promise<void>): Promise<void>;
  /** In milliseconds. */
  now(): number;
}

export interface TestReport {
  readonly name: string;
  readonly verdict: 'passed' | 'failed';
  readonly ms: number;
  readonly denials: readonly Denial[];
  readonly error?: {
    readonly message: string;
    /** Line of the test file, counted from 1. */
    readonly line?: number;
    /** The verifier's log or the like, many lines. */
    readonly log?: string;
  };
}

interface Session {
  readonly booted: BootedKernel[];
  readonly collections: Collection[];
}

async function boot(host: TestHost, session: Session): Promise<Machine> {
  const booted = await host.boot();
  session.booted.push(booted);
  const { kernel, kernelBtf } = booted;
  return {
    kernel,
    btf: async () => kernelBtf ?? readBtf(await kernel.btf(), { file: 'vmlinux' }),
    ...expectationsOn(kernel),
    fire: (hook, args) => {
      if (booted.fire === undefined)
        throw new Error('only the simulated kernel can call a hook directly');
      return booted.fire(hook, args);
    },
    load: async (path, { attach = true, ...options } = {}) => {
      const bytes = host.readObject(path);
      const collection = await Collection.load(bytes, {
        ...options,
        ...(kernelBtf === undefined ? {} : { kernelBtf }),
        kernel,
        file: path,
      });
      session.collections.push(collection);
      if (attach) await collection.attach();
      return collection;
    },
  };
}

/** Closes all that the test loaded and ends its tasks, which inherit descriptors. @returns what is alive after that. */
async function closeAll({ collections, booted }: Session): Promise<readonly string[]> {
  for (const collection of collections.toReversed()) await collection.close();
  const left: string[] = [];
  for (const kernel of booted) left.push(...((await kernel.shutdown?.()) ?? []));
  return left;
}

/** Errors that the engine throws: nobody foresaw them, so where they come from is what helps. */
const ENGINE_ERRORS = [TypeError, RangeError, ReferenceError, SyntaxError];

/** The line of the test file that the error came through: `7`. */
function lineIn(file: string, stack: string): number | undefined {
  const frame = stack.split('\n').find((line) => line.includes(`${file}:`));
  const line = frame?.slice(frame.indexOf(`${file}:`) + file.length + 1).split(':')[0];
  return line === undefined ? undefined : Number(line);
}

function describeError(error: unknown, file: string): NonNullable<TestReport['error']> {
  if (!(error instanceof Error)) return { message: `threw ${show(error)}` };
  const stack = error.stack ?? '';
  const line = lineIn(file, stack);
  const where = line === undefined ? {} : { line };
  if (ENGINE_ERRORS.some((kind) => error instanceof kind)) {
    const log = /^ +at .*$/ms.exec(stack)?.[0] ?? '';
    return { message: `${error.name}: ${error.message}`, ...where, log };
  }
  const log = error instanceof LoadError || error instanceof BpfError ? error.log : undefined;
  return { message: error.message, ...where, ...(log === undefined ? {} : { log }) };
}

/** Runs one test on kernels of its own. A test also fails when BPF objects outlive what it loaded. */
export async function runTest(test: PolicyTest, host: TestHost): Promise<TestReport> {
  const session: Session = { booted: [], collections: [] };
  const start = host.now();
  let error: TestReport['error'];
  try {
    await host.supervise(() => test.body({ boot: () => boot(host, session) }));
  } catch (thrown) {
    error = describeError(thrown, host.file);
  }
  try {
    const left = await closeAll(session);
    if (left.length > 0) error ??= { message: `left behind: ${left.join(', ')}` };
  } catch (thrown) {
    error ??= describeError(thrown, host.file);
  }
  const denials = session.booted.flatMap(({ kernel }) =>
    (kernel.decisions() ?? []).filter(isDenial).map(denialOf),
  );
  return {
    name: test.name,
    verdict: error === undefined ? 'passed' : 'failed',
    ms: host.now() - start,
    denials,
    ...(error === undefined ? {} : { error }),
  };
}
