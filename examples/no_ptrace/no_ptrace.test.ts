import type { Task } from 'krsi/kernel';
import { policyTests, type Machine } from 'krsi/testing';

const [PTRACE_TRACEME, PTRACE_ATTACH, PTRACE_SEIZE] = [0, 16, 0x4206];
const OBJECT = 'no_ptrace.bpf.o';

interface Shielding extends Machine {
  readonly daemon: Task;
  readonly debuggerTask: Task;
}

/** A shielded daemon and a debugger that root runs. */
async function shield(boot: () => Promise<Machine>): Promise<Shielding> {
  const machine = await boot();
  const daemon = await machine.kernel.spawn({ comm: 'daemon' });
  const debuggerTask = await machine.kernel.spawn({ comm: 'gdb' });
  const policy = await machine.load(OBJECT);
  await policy.map('shielded').set(daemon.pid, 1);
  return { ...machine, daemon, debuggerTask };
}

async function fork(task: Task): Promise<Task> {
  const child = await task.fork();
  if ('errno' in child) throw new Error(`fork failed with errno ${child.errno}`);
  return child;
}

export default policyTests((test) => {
  test('root does not attach to a shielded process', async ({ boot }) => {
    const { daemon, debuggerTask, expectDenied } = await shield(boot);
    expectDenied(await debuggerTask.call('ptrace', PTRACE_ATTACH, daemon.pid), {
      errno: 'EPERM',
      by: 'deny_attach',
      hook: 'ptrace_access_check',
    });
  });

  test('root attaches to any other process', async ({ boot }) => {
    const { kernel, debuggerTask, expectAllowed } = await shield(boot);
    const other = await kernel.spawn();
    expectAllowed(await debuggerTask.call('ptrace', PTRACE_ATTACH, other.pid));
  });

  test('bypass: PTRACE_SEIZE instead of PTRACE_ATTACH', async ({ boot }) => {
    const { daemon, debuggerTask, expectDenied } = await shield(boot);
    expectDenied(await debuggerTask.call('ptrace', PTRACE_SEIZE, daemon.pid), {
      by: 'deny_attach',
    });
  });

  test('bypass: the shielded process asks to be traced', async ({ boot }) => {
    const { daemon, expectDenied } = await shield(boot);
    expectDenied(await daemon.call('ptrace', PTRACE_TRACEME, 0), {
      errno: 'EPERM',
      by: 'deny_traceme',
      hook: 'ptrace_traceme',
    });
  });

  test('bypass: its own parent tries', async ({ boot }) => {
    const { kernel, daemon, expectDenied } = await shield(boot);
    expectDenied(await kernel.self.call('ptrace', PTRACE_ATTACH, daemon.pid), {
      by: 'deny_attach',
    });
  });

  test('bypass: a child of the shielded process, and its child, are shielded too', async ({
    boot,
  }) => {
    const { daemon, debuggerTask, expectDenied } = await shield(boot);
    const child = await fork(daemon);
    const grandchild = await fork(child);
    expectDenied(await debuggerTask.call('ptrace', PTRACE_ATTACH, child.pid), {
      by: 'deny_attach',
    });
    expectDenied(await debuggerTask.call('ptrace', PTRACE_ATTACH, grandchild.pid), {
      by: 'deny_attach',
    });
    expectDenied(await child.call('ptrace', PTRACE_TRACEME, 0), { by: 'deny_traceme' });
  });

  test('a child that was there before its parent was shielded is not', async ({ boot }) => {
    const { kernel, load, expectAllowed } = await boot();
    const daemon = await kernel.spawn();
    const policy = await load(OBJECT);
    const child = await fork(daemon);
    await policy.map('shielded').set(daemon.pid, 1);
    expectAllowed(await kernel.self.call('ptrace', PTRACE_ATTACH, child.pid));
  });

  test('an ordinary process may ask to be traced, as debuggers need', async ({ boot }) => {
    const { kernel, expectAllowed } = await shield(boot);
    const task = await kernel.spawn();
    expectAllowed(await task.call('ptrace', PTRACE_TRACEME, 0));
  });

  test('a shielded process may still trace others', async ({ boot }) => {
    const { kernel, daemon, expectAllowed } = await shield(boot);
    const other = await kernel.spawn();
    expectAllowed(await daemon.call('ptrace', PTRACE_ATTACH, other.pid));
  });

  test('once it is out of the map, the process may be traced again', async ({ boot }) => {
    const { kernel, load, expectAllowed } = await boot();
    const daemon = await kernel.spawn();
    const policy = await load(OBJECT);
    await policy.map('shielded').set(daemon.pid, 1);
    await policy.map('shielded').delete(daemon.pid);
    expectAllowed(await kernel.self.call('ptrace', PTRACE_ATTACH, daemon.pid));
  });

  test('a user without rights is stopped before the policy is asked', async ({ boot }) => {
    const { kernel, daemon, expectDenied } = await shield(boot);
    const user = await kernel.spawn({ uid: 1000 });
    expectDenied(await user.call('ptrace', PTRACE_ATTACH, daemon.pid), {
      errno: 'EPERM',
      by: 'dac',
    });
  });
});
