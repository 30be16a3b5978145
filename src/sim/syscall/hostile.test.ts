import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readBtf } from '../../btf/index.ts';
import type { SocketAddress, SyscallName } from '../../kernel/syscalls.ts';
import { shippedBtf, shippedKernels } from '../../node/shipped.ts';
import { bootKernel, type SimKernel } from '../kernel.ts';
import { SYSCALLS } from './table.ts';

const kernels = shippedKernels().map((kernel) => ({
  release: kernel.release,
  btf: readBtf(shippedBtf(kernel), { file: kernel.release }),
}));

const NAMES = ['tmp', 'a', 'b', 'c', '..', '.', 'etc', 'bin', 'cat', 'passwd', 'x'.repeat(300), ''];
const path = fc
  .tuple(fc.boolean(), fc.array(fc.constantFrom(...NAMES), { maxLength: 5 }))
  .map(([absolute, parts]) => (absolute ? '/' : '') + parts.join('/'));
const integer = fc.oneof(
  fc.integer({ min: -2, max: 8 }),
  fc.integer({ min: 0, max: 40 }).map((bit) => 2 ** bit),
  fc.integer({ min: 0, max: 0x3ffff }),
  fc.integer({ min: 0, max: 0x7ffff }).map((page) => 0x7ffff7000000 + page * 4096),
  fc.constantFrom(-1, 2 ** 47, 0x400000, 4096, Number.MAX_SAFE_INTEGER),
);
const port = fc.constantFrom(0, 80, 8080, 65535);
const address: fc.Arbitrary<SocketAddress> = fc.oneof(
  fc.record({
    family: fc.constant('AF_INET' as const),
    address: fc.constantFrom('0.0.0.0', '127.0.0.1', '192.0.2.1', '255.255.255.255'),
    port,
  }),
  fc.record({
    family: fc.constant('AF_INET6' as const),
    address: fc.constantFrom('::', '::1', '::ffff:127.0.0.1', '2001:db8::1', 'fe80::1'),
    port,
  }),
  fc.constant({ family: 'AF_UNSPEC' as const }),
);
const strings = fc.array(
  fc.string({ maxLength: 20 }).map((s) => s.replaceAll('\0', '')),
  {
    maxLength: 5,
  },
);
const KINDS = {
  path,
  integer,
  'integer?': integer,
  bytes: fc.integer({ min: 0, max: 200 }).map((length) => new Uint8Array(length)),
  strings,
  address,
};

const anyCall = fc
  .constantFrom(...(Object.keys(SYSCALLS) as SyscallName[]))
  .chain((name) =>
    fc
      .tuple(...SYSCALLS[name].args.map(([, kind]) => KINDS[kind] as fc.Arbitrary<unknown>))
      .map((args) => ({ name, args })),
  );
type Step = { readonly by: number; readonly fork: boolean } & {
  readonly call: { readonly name: SyscallName; readonly args: readonly unknown[] };
};
const step: fc.Arbitrary<Step> = fc.record({
  by: fc.nat(3),
  fork: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  call: anyCall,
});

function run(options: (typeof kernels)[number], steps: readonly Step[], seed: number): void {
  const sim = bootKernel(options);
  // Objects with names stay; all else must go.
  const objects = (): number => sim.mem.liveObjects - sim.vfs.inodes.live - sim.vfs.dentries.live;
  const settled = objects();
  const tasks = [sim.spawn(), sim.spawn({ uid: 1000 }), sim.spawn({ uid: 1000 })];
  if (seed > 0) refuseAtRandom(sim, seed);
  for (const { by, fork, call } of steps) {
    const task = tasks[by % tasks.length];
    if (task === undefined) continue;
    const sys = sim.syscall(task) as unknown as Record<string, (...a: unknown[]) => number>;
    const result = sys[call.name]?.(...call.args) ?? NaN;
    expect(result >= -4095, `${call.name} gave ${result}`).toBe(true);
    const child = fork && task.alive ? sim.fork(task) : 0;
    if (typeof child !== 'number') tasks.push(child);
  }
  for (const task of tasks) sim.exit(task);
  expect(sim.leaks()).toEqual([]);
  expect(objects(), 'what is no inode or dentry was freed').toBe(settled);
  expect(sim.current).toBe(sim.init);
}

/** An LSM that says no to one question in eight. */
function refuseAtRandom(sim: SimKernel, seed: number): void {
  let state = seed;
  const refuse = (): number => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return (state >>> 16) % 8 === 0 ? -13 : 0;
  };
  const hooks = sim.lsm.hookNames().filter((name) => name !== 'inode_init_security');
  sim.lsm.register({ name: 'no', hooks: Object.fromEntries(hooks.map((name) => [name, refuse])) });
}

const calls = fc.array(step, { maxLength: 60 });

describe.each(kernels)('any calls with any arguments on $release', (options) => {
  it('give a result or an errno, and leave nothing behind when all tasks have gone', () => {
    fc.assert(
      fc.property(calls, (steps) => run(options, steps, 0)),
      { numRuns: 15 },
    );
  });

  it('do so whatever an LSM refuses on the way', () => {
    fc.assert(
      fc.property(calls, fc.integer({ min: 1, max: 2 ** 31 - 1 }), (steps, seed) =>
        run(options, steps, seed),
      ),
      { numRuns: 15 },
    );
  });
});
