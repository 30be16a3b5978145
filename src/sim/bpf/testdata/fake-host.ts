import { BPF_ATTACH_TYPE, BPF_PROG_TYPE, HELPERS } from '../../../abi/index.ts';
import type { Btf } from '../../../btf/types.ts';
import { assemble } from '../../../isa/index.ts';
import type { BpfCommand, BpfCommands, ProgLoadAttr } from '../../../kernel/bpf.ts';
import { Lsm } from '../../lsm/index.ts';
import { Layouts } from '../../mem/layout.ts';
import { KernelMemory } from '../../mem/memory.ts';
import { Bpf } from '../bpf.ts';
import type { BpfFile, BpfHost, BpfTask } from '../host.ts';

/** A kernel of one task and no file system, for tests of this folder alone. */
export interface FakeHost extends BpfHost {
  readonly current: FakeTask;
  /** Memory of the task: one mapping. */
  readonly user: { readonly address: number; bytes: Uint8Array };
  time: number;
  caps: boolean;
  unprivilegedBpfDisabled: 0 | 1 | 2;
}

export interface FakeTask extends BpfTask {
  close(fd: number): void;
}

export function fakeHost(btf: Btf, release: string): FakeHost {
  const mem = new KernelMemory({ initial: 2 * 1024 * 1024 });
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
    unprivilegedBpfDisabled: 2,
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

/** bpf(2) on a {@link FakeHost}, with what tests do most. */
export function bootFake(btf: Btf, release: string) {
  const host = fakeHost(btf, release);
  const bpf = new Bpf(host);
  const task = host.current;
  const call = <C extends BpfCommand>(command: C, attr: BpfCommands[C]['attr']) =>
    bpf.call(task, command, attr);
  const must = <C extends BpfCommand>(
    command: C,
    attr: BpfCommands[C]['attr'],
  ): BpfCommands[C]['out'] => {
    const result = call(command, attr);
    if (result.ok) return result.value;
    throw new Error(`${command}: errno ${result.errno}: ${result.reason}`);
  };
  const hookId = (hook: string): number => btf.find(`bpf_lsm_${hook}`, 'func') ?? 0;
  const program = (hook: string, code: string, rest: Partial<ProgLoadAttr> = {}): ProgLoadAttr => ({
    progType: BPF_PROG_TYPE.LSM,
    expectedAttachType: BPF_ATTACH_TYPE.LSM_MAC,
    attachBtfId: hookId(hook),
    insns: assemble(code, { helper: helperNumber }),
    license: 'GPL',
    progName: 'test',
    ...rest,
  });
  const load = (hook: string, code: string, rest: Partial<ProgLoadAttr> = {}): number =>
    must('PROG_LOAD', program(hook, code, rest));
  const attach = (progFd: number): number =>
    must('LINK_CREATE', { progFd, attachType: BPF_ATTACH_TYPE.LSM_MAC });
  /** Loads the program, runs it once at a hook without effects, and gives the low half of r0, signed. */
  const run = (code: string, rest: Partial<ProgLoadAttr> = {}): number => {
    const prog = load('bprm_check_security', code, rest);
    const link = attach(prog);
    const { decision } = host.lsm.fire('bprm_check_security', { bprm: {} });
    task.close(link);
    task.close(prog);
    const [ran] = decision.programs;
    if (ran?.fault !== undefined) throw new Error(ran.fault);
    return ran?.result ?? 0;
  };
  return { host, bpf, task, call, must, hookId, program, load, attach, run };
}

/** Number of a helper by its full name. */
export function helperNumber(name: string): number | undefined {
  const number = HELPERS.findIndex((known) => `bpf_${known}` === name);
  return number < 0 ? undefined : number;
}
