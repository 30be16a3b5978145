import type { Task } from 'krsi/kernel';
import { policyTests, type Machine } from 'krsi/testing';
import {
  always,
  attachHook,
  ifSubject,
  makeMap,
  onlyFor,
  subjectMap,
  u32,
  type HookProgram,
} from './programs.ts';

const [EPERM, EACCES, ENOSPC] = [-1, -13, -28];

async function stage(boot: () => Promise<Machine>, caps?: readonly string[], uid = 0) {
  const machine = await boot();
  const loader = await machine.kernel.spawn({ comm: 'loader' });
  const worker = await machine.kernel.spawn({ comm: 'worker', uid, ...(caps && { caps }) });
  return { ...machine, loader, worker, subject: await subjectMap(loader, worker) };
}

/** Counts its runs in a slot of an array, and gives `result`; `log` holds 4 bytes for each slot. */
const counting = (
  subject: number,
  log: number,
  slot: number,
  hook: string,
  result: number,
): HookProgram => ({
  hook,
  name: `count_${slot}`,
  code: `${ifSubject(subject)}
    *(u32 *)(r10 - 4) = ${slot}
    r2 = r10
    r2 += -4
    r1 = map[fd:${log}]
    call bpf_map_lookup_elem
    if r0 == 0 goto other
    r1 = 1
    lock *(u32 *)(r0 + 0) += r1
    r0 = ${result}
    exit
    other: r0 = 0
    exit`,
});

async function counts(task: Task, mapFd: number, slots: number): Promise<void> {
  for (let slot = 0; slot < slots; slot++)
    await task.bpf('MAP_LOOKUP_ELEM', { mapFd, key: u32(slot), value: new Uint8Array(4) });
}

export default policyTests((test) => {
  test('the newest program on a hook runs first, and its denial ends the chain', async ({
    boot,
  }) => {
    const machine = await stage(boot);
    const { loader, worker, subject } = machine;
    const log = await makeMap(loader, 'ARRAY', { maxEntries: 3, mapName: 'log' });
    const hook = 'inode_mkdir';
    await attachHook(machine, loader, counting(subject, log, 0, hook, EPERM));
    await worker.call('mkdir', '/tmp/a', 0o755);
    const second = await attachHook(machine, loader, counting(subject, log, 1, hook, EACCES));
    await worker.call('mkdir', '/tmp/a', 0o755);
    const third = await attachHook(machine, loader, counting(subject, log, 2, hook, 0));
    await worker.call('mkdir', '/tmp/a', 0o755);
    await counts(loader, log, 3);
    await loader.call('close', second);
    await worker.call('mkdir', '/tmp/a', 0o755);
    await loader.call('close', third);
    await worker.call('mkdir', '/tmp/a', 0o755);
    await counts(loader, log, 3);
  });

  test('a program cannot allow what another denied: its last argument is 0', async ({ boot }) => {
    const machine = await stage(boot);
    const { loader, worker, subject } = machine;
    await attachHook(machine, loader, onlyFor(subject, 'inode_mkdir', EPERM));
    await attachHook(machine, loader, {
      hook: 'inode_mkdir',
      name: 'returns_ret',
      code: 'r0 = *(u64 *)(r1 + 24)\nexit',
    });
    await worker.call('mkdir', '/tmp/a', 0o755);
  });

  test('two hooks of one call: the path is asked before the inode', async ({ boot }) => {
    const machine = await stage(boot);
    const { loader, worker, subject } = machine;
    const log = await makeMap(loader, 'ARRAY', { maxEntries: 2, mapName: 'log' });
    await attachHook(machine, loader, counting(subject, log, 0, 'inode_mkdir', EACCES));
    const path = await attachHook(machine, loader, counting(subject, log, 1, 'path_mkdir', ENOSPC));
    await worker.call('mkdir', '/tmp/a', 0o755);
    await counts(loader, log, 2);
    await loader.call('close', path);
    await worker.call('mkdir', '/tmp/a', 0o755);
    await counts(loader, log, 2);
  });

  test('file permissions come before BPF', async ({ boot }) => {
    const machine = await stage(boot, undefined, 1000);
    const { loader, worker, subject } = machine;
    const log = await makeMap(loader, 'ARRAY', { mapName: 'log' });
    await attachHook(machine, loader, counting(subject, log, 0, 'inode_unlink', ENOSPC));
    await worker.call('unlink', '/etc/passwd');
    await counts(loader, log, 1);
    await worker.call('unlink', '/tmp/nothing');
    await counts(loader, log, 1);
    await machine.kernel.self.call('creat', '/tmp/sticky', 0o666);
    await worker.call('unlink', '/tmp/sticky');
    await counts(loader, log, 1);
  });

  test('capabilities come before BPF', async ({ boot }) => {
    const machine = await stage(boot, ['CAP_CHOWN'], 1000);
    const { loader, worker, subject } = machine;
    const log = await makeMap(loader, 'ARRAY', { maxEntries: 2, mapName: 'log' });
    await attachHook(machine, loader, counting(subject, log, 0, 'ptrace_access_check', ENOSPC));
    const other = await machine.kernel.spawn();
    await worker.call('ptrace', 16, other.pid);
    await counts(loader, log, 1);
    await attachHook(machine, loader, counting(subject, log, 1, 'capable', EPERM));
    await worker.call('chown', '/etc/hosts', 5, 5);
    await counts(loader, log, 2);
    await worker.call('chown', '/etc/hosts', 0, 0);
    await counts(loader, log, 2);
  });

  test('a denial on inode_permission stops the walk', async ({ boot }) => {
    const machine = await stage(boot);
    const { loader, worker, subject } = machine;
    const log = await makeMap(loader, 'ARRAY', { mapName: 'log' });
    const link = await attachHook(
      machine,
      loader,
      counting(subject, log, 0, 'inode_permission', EACCES),
    );
    await worker.call('open', '/etc/passwd', 0);
    await worker.call('stat', '/etc/../etc/passwd', new Uint8Array(144));
    await worker.call('chdir', '/');
    await counts(loader, log, 1);
    await loader.call('close', link);
    await worker.call('open', '/etc/passwd', 0);
  });

  test('a void hook cannot deny', async ({ boot }) => {
    const machine = await stage(boot);
    const { loader, worker, subject } = machine;
    const log = await makeMap(loader, 'ARRAY', { mapName: 'log' });
    await attachHook(machine, loader, counting(subject, log, 0, 'd_instantiate', EPERM));
    await worker.call('mkdir', '/tmp/a', 0o755);
    await counts(loader, log, 1);
  });

  test('any errno goes to the caller', async ({ boot }) => {
    const machine = await stage(boot);
    const { loader, worker, subject } = machine;
    for (const errno of [2, 11, 38, 95, 512, 4095]) {
      const link = await attachHook(machine, loader, onlyFor(subject, 'inode_mkdir', -errno));
      await worker.call('mkdir', '/tmp/a', 0o755);
      await loader.call('close', link);
    }
  });

  test('a program is loaded for one hook and asked on no other', async ({ boot }) => {
    const machine = await stage(boot);
    const { loader, worker } = machine;
    await attachHook(machine, loader, always('inode_rmdir', EPERM));
    await worker.call('mkdir', '/tmp/a', 0o755);
    await worker.call('rmdir', '/tmp/a');
  });
});
