import type { Btf } from '../btf/index.ts';
import { BpfError, Collection, LoadError, ValueError } from '../client/index.ts';
import type { Kernel } from '../kernel/index.ts';
import { ExpectationError, expectationsOn } from './expect.ts';
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
  shutdown?(): readonly string[];
}

/** What the tests need from outside: kernels, files and a clock. */
export interface TestHost {
  boot(): Promise<BootedKernel>;
  /** @param path relative to the folder of the test file. */
  readObject(path: string): Uint8Array;
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
    ...expectationsOn(kernel),
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
  return booted.flatMap((b) => b.shutdown?.() ?? []);
}

function describeError(error: unknown): NonNullable<TestReport['error']> {
  if (!(error instanceof Error)) return { message: String(error) };
  if (error instanceof LoadError || error instanceof BpfError)
    return error.log === undefined
      ? { message: error.message }
      : { message: error.message, log: error.log };
  if (error instanceof ExpectationError || error instanceof ValueError)
    return { message: error.message };
  // Nobody foresaw this one: where it came from is what helps.
  const message = `${error.name}: ${error.message}`;
  const frames = /^ +at .*$/ms.exec(error.stack ?? '')?.[0];
  return frames === undefined ? { message } : { message, log: frames };
}

/** Runs one test on kernels of its own. A test also fails when BPF objects outlive what it loaded. */
export async function runTest(test: PolicyTest, host: TestHost): Promise<TestReport> {
  const session: Session = { booted: [], collections: [] };
  const start = host.now();
  let error: TestReport['error'];
  try {
    await test.body({ boot: () => boot(host, session) });
  } catch (thrown) {
    error = describeError(thrown);
  }
  try {
    const left = await closeAll(session);
    if (left.length > 0) error ??= { message: `left behind: ${left.join(', ')}` };
  } catch (thrown) {
    error ??= describeError(thrown);
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
