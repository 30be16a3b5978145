import { describe, expect, it } from 'vitest';
import {
  BPF_ATTACH_TYPE,
  BPF_F,
  BPF_MAP_TYPE,
  BPF_PROG_TYPE,
  ERRNO,
  HELPERS,
} from '../../abi/index.ts';
import { readBtf } from '../../btf/index.ts';
import { assemble } from '../../isa/index.ts';
import type { BpfCommand, BpfCommands } from '../../kernel/bpf.ts';
import { openKernelImage } from '../../node/index.ts';
import { fakeHost } from './fake-host.ts';
import { Bpf } from './index.ts';

const btf = readBtf(openKernelImage('6.12').btf, { file: 'vmlinux' });
const helper = (name: string): number | undefined => {
  const number = HELPERS.findIndex((known) => `bpf_${known}` === name);
  return number < 0 ? undefined : number;
};

function boot() {
  const host = fakeHost(btf, '6.12.95');
  const bpf = new Bpf(host);
  const task = host.current;
  const call = <C extends BpfCommand>(command: C, attr: BpfCommands[C]['attr']) =>
    bpf.call(task, command, attr);
  const must = <C extends BpfCommand>(
    command: C,
    attr: BpfCommands[C]['attr'],
  ): BpfCommands[C]['out'] => {
    const result = call(command, attr);
    if (!result.ok) throw new Error(`${command}: ${result.errno} ${result.reason}`);
    return result.value;
  };
  const hookId = (hook: string): number => btf.find(`bpf_lsm_${hook}`, 'func') ?? 0;
  const load = (hook: string, code: string, rest: object = {}): number =>
    must('PROG_LOAD', {
      progType: BPF_PROG_TYPE.LSM,
      expectedAttachType: BPF_ATTACH_TYPE.LSM_MAC,
      attachBtfId: hookId(hook),
      insns: assemble(code, { helper }),
      license: 'GPL',
      progName: 'test',
      ...rest,
    });
  const attach = (progFd: number): number =>
    must('LINK_CREATE', { progFd, attachType: BPF_ATTACH_TYPE.LSM_MAC });
  return { host, bpf, task, call, must, load, attach, hookId };
}

describe('a program at a hook', () => {
  it('denies as long as its link is held', () => {
    const { host, bpf, task, load, attach } = boot();
    const prog = load('file_open', 'r0 = -13\nexit');
    const link = attach(prog);
    const open = () => host.lsm.fire('file_open', { file: { f_flags: 1 } }).result;
    expect(open()).toBe(-13);
    task.close(prog);
    expect(open()).toBe(-13);
    task.close(link);
    expect(open()).toBe(0);
    expect(bpf.leaks()).toEqual([]);
  });
});
