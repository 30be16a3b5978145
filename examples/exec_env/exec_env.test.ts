import type { Task } from 'krsi/kernel';
import { expectEqual, policyTests, type Machine } from 'krsi/testing';

const OBJECT = 'exec_env.bpf.o';
const TOOL = '/bin/cat';

interface ExecEvent {
  readonly pid: number;
  readonly uid: number;
  readonly preload: 'PRELOAD_UNSET' | 'PRELOAD_ONCE' | 'PRELOAD_TWICE_OR_MORE';
  readonly cut: boolean;
  readonly comm: string;
  readonly argv0: string;
}

/** Executes the tool in a new task under the policy. @returns the events that this made. */
async function exec(
  { kernel, load, expectAllowed }: Machine,
  argv: readonly string[],
  envp: readonly string[],
  variables: Readonly<Record<string, number>> = {},
): Promise<readonly ExecEvent[]> {
  const policy = await load(OBJECT, { variables });
  const events = await policy.ringbuf('events');
  const task: Task = await kernel.spawn({ comm: 'shell' });
  expectAllowed(await task.call('execve', TOOL, argv, envp));
  return (await events.consumeAs('event')) as unknown as readonly ExecEvent[];
}

const preloadOf = (events: readonly ExecEvent[]): string | undefined => events[0]?.preload;

export default policyTests((test) => {
  test('an exec is reported with its argv[0] and its new name', async ({ boot }) => {
    const machine = await boot();
    const events = await exec(machine, ['my-tool', '-v'], ['HOME=/root']);
    expectEqual(
      events.map(({ argv0, comm, uid, cut }) => ({ argv0, comm, uid, cut })),
      [{ argv0: 'my-tool', comm: 'cat', uid: 0, cut: false }],
    );
  });

  const cases: readonly (readonly [name: string, envp: readonly string[], preload: string])[] = [
    ['no LD_PRELOAD in an empty environment', [], 'PRELOAD_UNSET'],
    ['no LD_PRELOAD among others', ['HOME=/root', 'LANG=C'], 'PRELOAD_UNSET'],
    ['LD_PRELOAD alone', ['LD_PRELOAD=/tmp/x.so'], 'PRELOAD_ONCE'],
    ['LD_PRELOAD last of many', ['A=1', 'B=2', 'LD_PRELOAD=/tmp/x.so'], 'PRELOAD_ONCE'],
    ['LD_PRELOAD with an empty value', ['LD_PRELOAD='], 'PRELOAD_ONCE'],
    ['LD_PRELOAD twice', ['LD_PRELOAD=a', 'A=1', 'LD_PRELOAD=b'], 'PRELOAD_TWICE_OR_MORE'],
    ['LD_PRELOAD three times', Array(3).fill('LD_PRELOAD=a'), 'PRELOAD_TWICE_OR_MORE'],
    [
      'look-alikes',
      ['LD_PRELOADX=a', 'XLD_PRELOAD=a', 'LD_PRELOA=a', 'ld_preload=a'],
      'PRELOAD_UNSET',
    ],
    ['the name inside a value', ['A=LD_PRELOAD=b'], 'PRELOAD_UNSET'],
    ['the name without a value', ['LD_PRELOAD'], 'PRELOAD_UNSET'],
  ];
  for (const [name, envp, preload] of cases)
    test(`${name}: ${preload}`, async ({ boot }) => {
      expectEqual(preloadOf(await exec(await boot(), ['tool'], envp)), preload);
    });

  test('bypass: LD_PRELOAD= as an argument is no variable', async ({ boot }) => {
    const events = await exec(await boot(), ['tool', 'LD_PRELOAD=/tmp/x.so'], ['A=1']);
    expectEqual(preloadOf(events), 'PRELOAD_UNSET');
  });

  test('bypass: an empty argv does not shift the environment', async ({ boot }) => {
    const events = await exec(await boot(), [], ['LD_PRELOAD=/tmp/x.so']);
    expectEqual(
      events.map(({ argv0, preload }) => ({ argv0, preload })),
      [{ argv0: '', preload: 'PRELOAD_ONCE' }],
    );
  });

  test('bypass: LD_PRELOAD behind a long variable is found', async ({ boot }) => {
    const events = await exec(await boot(), ['tool'], [`A=${'x'.repeat(5000)}`, 'LD_PRELOAD=b']);
    expectEqual(preloadOf(events), 'PRELOAD_ONCE');
  });

  test('bypass: LD_PRELOAD beyond the bound is not found, but the event says so', async ({
    boot,
  }) => {
    const envp = [`A=${'x'.repeat(5000)}`, 'LD_PRELOAD=b'];
    const events = await exec(await boot(), ['tool'], envp, { max_bytes: 1000 });
    expectEqual(
      events.map(({ preload, cut }) => ({ preload, cut })),
      [{ preload: 'PRELOAD_UNSET', cut: true }],
    );
  });

  test('a long argv[0] is cut to fit the event', async ({ boot }) => {
    const events = await exec(await boot(), ['z'.repeat(300)], []);
    expectEqual(events[0]?.argv0, 'z'.repeat(127));
  });

  test('an exec that fails is not reported', async ({ boot }) => {
    const { kernel, load } = await boot();
    const policy = await load(OBJECT);
    const events = await policy.ringbuf('events');
    const task = await kernel.spawn();
    expectEqual(await task.call('execve', '/nowhere', ['x'], ['LD_PRELOAD=a']), -2);
    expectEqual(await events.consume(), []);
  });
});
