import type { Btf } from '../../btf/types.ts';
import { Lsm } from '../lsm/index.ts';
import { Layouts } from '../mem/layout.ts';
import { KernelMemory } from '../mem/memory.ts';
import type { BpfFile, BpfHost, BpfTask } from './host.ts';

/** A kernel of one task and no file system, for tests of this folder alone. */
export interface FakeHost extends BpfHost {
  readonly current: FakeTask;
  /** Memory of the task: one mapping. */
  readonly user: { readonly address: number; bytes: Uint8Array };
  time: number;
  caps: boolean;
}

export interface FakeTask extends BpfTask {
  close(fd: number): void;
}

export function fakeHost(btf: Btf, release: string): FakeHost {
  const mem = new KernelMemory();
  const layouts = new Layouts(btf, mem);
  const user = { address: 0x7000_0000_0000, bytes: new Uint8Array(0) };
  const task = mem.alloc(layouts.sizeOf('task_struct'));
  const cred = mem.alloc(layouts.sizeOf('cred'));
  layouts.field('task_struct', 'cred').set(task, cred);
  layouts.field('cred', 'uid.val').set(cred, 1000);
  layouts.field('cred', 'gid.val').set(cred, 100);
  mem.u8.set(new TextEncoder().encode('worker'), layouts.field('task_struct', 'comm').at(task));
  const files: (BpfFile | undefined)[] = [];
  const current: FakeTask = {
    addr: task,
    pid: 7,
    tgid: 5,
    mm: {
      read(address, length) {
        const at = address - user.address;
        if (at < 0 || at + length > user.bytes.length) return undefined;
        return user.bytes.slice(at, at + length);
      },
    },
    cgroup: { id: 42, parent: { id: 1 } },
    files: {
      get: (fd) => files[fd],
      install(file) {
        const fd = files.findIndex((f, i) => i > 2 && f === undefined);
        const at = fd < 0 ? Math.max(3, files.length) : fd;
        files[at] = file;
        return at;
      },
    },
    close(fd) {
      const file = files[fd];
      files[fd] = undefined;
      file?.put();
    },
  };
  let seed = 1;
  const host: FakeHost = {
    mem,
    layouts,
    btf,
    release,
    possibleCpus: 2,
    current,
    user,
    time: 1_000_000,
    caps: true,
    lsm: new Lsm({
      mem,
      layouts,
      btf,
      release,
      now: () => host.time,
      task: () => ({ pid: 7, tgid: 5, comm: 'worker', uid: 1000 }),
      syscall: () => 'bpf',
    }),
    now: () => host.time,
    randomU32: () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0),
    capable: () => host.caps,
    dPath: () => '/etc/shadow',
    anonFile: (_name, object, release) => ({ addr: 0, object, put: release }),
    taskAt: (addr) => (addr === task ? current : undefined),
  };
  return host;
}
