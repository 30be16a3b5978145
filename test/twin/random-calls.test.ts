import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import * as fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { AF, errnoName, O } from '../../src/abi/index.ts';
import { readBtf } from '../../src/btf/index.ts';
import type { Kernel, SocketAddress, Syscalls, Task } from '../../src/kernel/index.ts';
import { LinuxUnavailableError } from '../../src/linux/index.ts';
import { openMachine } from '../../src/linux/machine.ts';
import { asKernel, bootKernel } from '../../src/sim/index.ts';

/**
 * Random system calls, the same ones on the simulated kernel and on the kernel that this runs on, until the answers
 * differ. No program is loaded: this compares what happens before and behind the hooks. `CALLS_SEED` and `CALLS_RUNS`
 * look further than the fixed start.
 */
const SEED = Number(process.env['CALLS_SEED'] ?? 1);
const RUNS = Number(process.env['CALLS_RUNS'] ?? 12);
const STEPS = 150;

type Name = keyof Syscalls;
type Call = readonly [name: Name, ...args: readonly unknown[]];

const FOLDERS = ['/tmp', '/tmp/d', '/tmp/d/e', '/home/user', '/root', '/tmp/loop', '/tmp/l'];
const NAMES = [
  'a',
  'b',
  'd',
  'l',
  'x',
  'e',
  'loop',
  '..',
  '.',
  'missing',
  'd/e',
  'n'.repeat(256),
  '',
];
const ODD_PATHS = [
  '/',
  '',
  '.',
  '..',
  '/tmp/',
  '/tmp/a/',
  '/etc/shadow',
  '/etc/passwd',
  '/dev/null',
  'a',
  './b',
];
const MODES = [0o644, 0o600, 0o755, 0o777, 0, 0o1777, 0o4755, 0o2755, 0o400, 0o222, 0o111];
const FLAGS = [O.CREAT, O.EXCL, O.TRUNC, O.APPEND, O.DIRECTORY, O.NOFOLLOW, O.PATH];

const among = <T>(values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const path = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(among(FOLDERS), among(NAMES)).map((parts) => parts.join('/')) },
  { weight: 1, arbitrary: among(ODD_PATHS) },
  { weight: 1, arbitrary: among(FOLDERS).map((folder) => `${folder}/a/`) },
);
const mode = among(MODES);
const fd = among([0, 1, 2, 3, 4, 5, 6, 99, -1]);
const owner = among([0, 1000, 1001, -1]);
const bytes = (sizes: readonly number[]) =>
  among(sizes).map((size) => new Uint8Array(size).fill(65));
const openFlags = fc
  .tuple(among([0, 1, 2, 3]), fc.subarray(FLAGS, { maxLength: 3 }))
  .map(([access, flags]) => flags.reduce((sum, flag) => sum | flag, access));
const call = (name: Name, ...args: readonly fc.Arbitrary<unknown>[]): fc.Arbitrary<Call> =>
  fc.tuple(...args).map((values): Call => [name, ...values]);

const fileCall = fc.oneof(
  { weight: 3, arbitrary: call('open', path, openFlags, mode) },
  call('creat', path, mode),
  call('close', fd),
  call('dup', fd),
  call('read', fd, bytes([0, 1, 10])),
  call('write', fd, bytes([0, 3, 5000])),
  call('truncate', path, among([0, 5, 10_000, -1])),
  call('ftruncate', fd, among([0, 5, -1])),
  call('unlink', path),
  call('rmdir', path),
  { weight: 2, arbitrary: call('mkdir', path, mode) },
  call('symlink', among(['a', '/tmp/d', 'loop', '/tmp/loop', '../tmp/a', '', 'missing']), path),
  { weight: 2, arbitrary: call('rename', path, path) },
  call('link', path, path),
  call('chmod', path, mode),
  call('chown', path, owner, owner),
  { weight: 2, arbitrary: call('access', path, among([0, 1, 2, 4, 6, 7, 8])) },
  call('chdir', path),
  call('stat', path, bytes([144])),
);

const address = among<SocketAddress>([
  { family: 'AF_INET', address: '127.0.0.1', port: 0 },
  { family: 'AF_INET', address: '127.0.0.2', port: 80 },
  { family: 'AF_INET', address: '192.0.2.1', port: 0 },
  { family: 'AF_INET6', address: '::1', port: 0 },
  { family: 'AF_INET6', address: '::ffff:127.0.0.1', port: 0 },
  { family: 'AF_INET6', address: '2001:db8::1', port: 0 },
  { family: 'AF_UNSPEC' },
]);
const SOCK_CLOEXEC = 0o2000000;
// Blocking sockets only: what a non-blocking connection says depends on how fast its peer refuses.
const socketCall = fc.oneof(
  {
    weight: 2,
    arbitrary: call(
      'socket',
      among([AF.INET, AF.INET6, 99]),
      among([1, 2, 2 | SOCK_CLOEXEC, 77]),
      among([0, 6, 17, 200]),
    ),
  },
  { weight: 2, arbitrary: call('bind', fd, address) },
  call('listen', fd, among([0, 5, -1])),
  call('dup', fd),
  call('close', fd),
);

/** A hard link to a foreign file is a matter of a sysctl, which the simulation has at the kernel's default. */
const hardLinksProtected = (): boolean =>
  readFileSync('/proc/sys/fs/protected_hardlinks', 'utf8').trim() !== '0';

async function tasksOf(kernel: Kernel): Promise<readonly Task[]> {
  const user = await kernel.spawn({ uid: 1000 });
  return [kernel.self, user, await kernel.spawn({ uid: 1001, gid: 1000 })];
}

/** What a call gave, with what it wrote as far as both kernels must agree. */
async function answer(task: Task, [name, ...args]: Call): Promise<string> {
  const given = args.map((arg) => (arg instanceof Uint8Array ? arg.slice() : arg));
  const ret = await task.call(name, ...(given as Parameters<Syscalls[Name]>));
  if (ret < 0) return errnoName(ret);
  const [, buffer] = given;
  if (name === 'read') return `${ret}: ${String(buffer)}`;
  return name === 'stat' ? statText(buffer as Uint8Array) : String(ret);
}

/** Links, mode, owner and group, and the size of what is no directory. */
function statText(stat: Uint8Array): string {
  const view = new DataView(stat.buffer);
  const [links, fileMode, uid, gid] = [16, 24, 28, 32].map((at) => view.getUint32(at, true));
  const isDirectory = ((fileMode ?? 0) & 0o170000) === 0o040000;
  return [links, fileMode?.toString(8), uid, gid, isDirectory ? '' : view.getUint32(48, true)].join(
    ' ',
  );
}

const image = (): Uint8Array => readFileSync('/sys/kernel/btf/vmlinux');
const linux = await openMachine().catch((error: unknown) => error);
if (linux instanceof LinuxUnavailableError)
  console.log(`random calls: not compared with a real kernel here: ${linux.message}`);
else if (!(linux instanceof Error)) await (linux as { close(): Promise<void> }).close();

describe('random system calls', () => {
  const btf = linux instanceof Error ? undefined : readBtf(image(), { file: 'vmlinux' });

  async function compare(steps: readonly (readonly [task: number, call: Call])[]): Promise<void> {
    if (btf === undefined) return;
    const machine = await openMachine();
    try {
      const sim = await tasksOf(asKernel(bootKernel({ btf, release: release() })));
      const real = await tasksOf(machine);
      for (const [at, made] of steps) {
        if (made[0] === 'link' && at > 0 && hardLinksProtected()) continue;
        const [ours, theirs] = [sim[at], real[at]];
        if (ours === undefined || theirs === undefined) throw new RangeError(`no task ${at}`);
        const expected = await answer(theirs, made);
        expect(await answer(ours, made), `task ${at}: ${JSON.stringify(made)}`).toBe(expected);
      }
    } finally {
      await machine.close();
    }
  }

  const steps = (kind: fc.Arbitrary<Call>) =>
    fc.array(fc.tuple(fc.nat({ max: 2 }), kind), {
      minLength: STEPS,
      maxLength: STEPS,
      size: 'max',
    });

  it.each([
    ['on files', fileCall],
    ['on sockets', socketCall],
  ])(`%s get the answers of Linux`, { timeout: 600_000 }, async (_name, kind) => {
    if (linux instanceof Error) expect(linux).toBeInstanceOf(LinuxUnavailableError);
    // Shrinking boots a machine each time: a short search is enough to read the failure.
    await fc.assert(fc.asyncProperty(steps(kind), compare), {
      seed: SEED,
      numRuns: RUNS,
      interruptAfterTimeLimit: 300_000,
    });
  });

  afterAll(() => {
    if (linux instanceof Error) return;
    console.log(`random calls: ${2 * RUNS} runs of ${STEPS} compared with Linux ${release()}`);
  });
});
