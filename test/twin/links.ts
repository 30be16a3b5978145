import { BPF_ATTACH_TYPE, SIG } from 'krsi/abi';
import type { Task } from 'krsi/kernel';
import { policyTests, type Machine } from 'krsi/testing';
import { always, attachHook, loadHook, lsmProgram, must, onlyFor, subjectMap } from './programs.ts';

const { LSM_MAC } = BPF_ATTACH_TYPE;
const MOST_LINKS = 38;
const DENY = -1;

interface Stage extends Machine {
  readonly loader: Task;
  /** Whom the policy is about. */
  readonly worker: Task;
  readonly subject: number;
}

async function stage(boot: () => Promise<Machine>): Promise<Stage> {
  const machine = await boot();
  const loader = await machine.kernel.spawn({ comm: 'loader' });
  const worker = await machine.kernel.spawn({ comm: 'worker' });
  return { ...machine, loader, worker, subject: await subjectMap(loader, worker) };
}

/** Whether a directory can be made now, and is gone again. */
async function probe(worker: Task): Promise<void> {
  if ((await worker.call('mkdir', '/tmp/probe', 0o755)) === 0)
    await worker.call('rmdir', '/tmp/probe');
}

export default policyTests((test) => {
  test('closing the last descriptor of a link detaches at once', async ({ boot }) => {
    const machine = await stage(boot);
    const { loader, worker, subject } = machine;
    await probe(worker);
    const link = await attachHook(machine, loader, onlyFor(subject, 'inode_mkdir', DENY));
    await probe(worker);
    await loader.call('close', link);
    await probe(worker);
  });

  test('a program without a link decides nothing', async ({ boot }) => {
    const machine = await stage(boot);
    const { loader, worker, subject } = machine;
    await loadHook(machine, loader, onlyFor(subject, 'inode_mkdir', DENY));
    await probe(worker);
  });

  test('a link dies with its loader that exits', async ({ boot }) => {
    const machine = await stage(boot);
    const { loader, worker, subject } = machine;
    await attachHook(machine, loader, onlyFor(subject, 'inode_mkdir', DENY));
    await probe(worker);
    await loader.exit(0);
    await probe(worker);
  });

  test('a link dies with its loader that is killed', async ({ boot }) => {
    const machine = await stage(boot);
    const { loader, worker, subject } = machine;
    await attachHook(machine, loader, onlyFor(subject, 'inode_mkdir', DENY));
    await probe(worker);
    await machine.kernel.self.call('kill', loader.pid, SIG.KILL);
    await probe(worker);
  });

  test('a descriptor that was duplicated keeps the link', async ({ boot }) => {
    const machine = await stage(boot);
    const { loader, worker, subject } = machine;
    const link = await attachHook(machine, loader, onlyFor(subject, 'inode_mkdir', DENY));
    const copy = await loader.call('dup', link);
    await loader.call('close', link);
    await probe(worker);
    await loader.call('close', copy);
    await probe(worker);
  });

  test('a child that inherited the descriptor keeps the link', async ({ boot }) => {
    const machine = await stage(boot);
    const { loader, worker, subject } = machine;
    await attachHook(machine, loader, onlyFor(subject, 'inode_mkdir', DENY));
    const child = await loader.fork();
    if ('errno' in child) return;
    await loader.exit(0);
    await probe(worker);
    await child.exit(0);
    await probe(worker);
  });

  test('descriptors of bpf objects do not survive exec', async ({ boot }) => {
    const machine = await stage(boot);
    const { loader, worker, subject } = machine;
    const link = await attachHook(machine, loader, onlyFor(subject, 'inode_mkdir', DENY));
    await probe(worker);
    await loader.call('execve', '/bin/true', ['true'], []);
    await probe(worker);
    await loader.call('close', link);
  });

  test('attaching a program twice is refused', async ({ boot }) => {
    const machine = await stage(boot);
    const { loader } = machine;
    const progFd = await loadHook(machine, loader, always('inode_mkdir', 0));
    await loader.bpf('RAW_TRACEPOINT_OPEN', { progFd });
    await loader.bpf('RAW_TRACEPOINT_OPEN', { progFd });
    await loader.bpf('LINK_CREATE', { progFd, attachType: LSM_MAC });
  });

  test('after its link is closed a program can be attached again', async ({ boot }) => {
    const machine = await stage(boot);
    const { loader } = machine;
    const progFd = await loadHook(machine, loader, always('inode_mkdir', 0));
    const link = await must(loader, 'LINK_CREATE', { progFd, attachType: LSM_MAC });
    await loader.call('close', link);
    await loader.bpf('LINK_CREATE', { progFd, attachType: LSM_MAC });
  });

  test('a hook takes 38 programs', async ({ boot }) => {
    const machine = await stage(boot);
    const { loader, worker } = machine;
    const attr = await lsmProgram(machine, always('inode_mkdir', 0));
    for (let i = 0; i <= MOST_LINKS; i++) {
      const progFd = await must(loader, 'PROG_LOAD', { ...attr, progName: `p${i}` });
      await loader.bpf('RAW_TRACEPOINT_OPEN', { progFd });
    }
    await probe(worker);
  });

  test('refusals of LINK_CREATE and RAW_TRACEPOINT_OPEN', async ({ boot }) => {
    const machine = await stage(boot);
    const { loader, subject } = machine;
    const progFd = await loadHook(machine, loader, always('inode_mkdir', 0));
    const file = await loader.call('open', '/etc/passwd', 0);
    await loader.bpf('LINK_CREATE', { progFd: 99, attachType: LSM_MAC });
    await loader.bpf('LINK_CREATE', { progFd: file, attachType: LSM_MAC });
    await loader.bpf('LINK_CREATE', { progFd: subject, attachType: LSM_MAC });
    await loader.bpf('LINK_CREATE', { progFd, attachType: BPF_ATTACH_TYPE.LSM_CGROUP });
    await loader.bpf('LINK_CREATE', { progFd, attachType: BPF_ATTACH_TYPE.TRACE_FENTRY });
    await loader.bpf('LINK_CREATE', { progFd, attachType: 9999 });
    await loader.bpf('LINK_CREATE', { progFd, attachType: LSM_MAC, targetFd: file });
    await loader.bpf('RAW_TRACEPOINT_OPEN', { progFd: 99 });
    await loader.bpf('RAW_TRACEPOINT_OPEN', { progFd: subject });
    await loader.bpf('RAW_TRACEPOINT_OPEN', { progFd, name: 'sys_enter' });
  });
});
