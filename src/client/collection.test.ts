import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readBtf } from '../btf/index.ts';
import { decode as decodeInsns } from '../isa/index.ts';
import type { BpfCommand, BpfCommands, BpfResult, Kernel, Task } from '../kernel/index.ts';
import { openKernelImage } from '../node/index.ts';
import { readObject } from '../object/index.ts';
import { Collection, type LoadOptions } from './index.ts';

const example = (name: string): Uint8Array =>
  readFileSync(new URL(`../../examples/${name}/${name}.bpf.o`, import.meta.url));
const testdata = (name: string): Uint8Array =>
  readFileSync(new URL(`../object/testdata/${name}.bpf.o`, import.meta.url));
const image = openKernelImage('6.12');
const vmlinux = readBtf(image.btf, { file: 'vmlinux' });

const at = ({ mapFd, key }: { mapFd: number; key: Uint8Array }): string =>
  `${mapFd}:${key.join(',')}`;

interface Issued {
  readonly command: BpfCommand;
  readonly attr: object;
}

/** Answers every command with a new fd and keeps what was asked; map values are kept by fd and key. */
function fakeKernel(refuse: (issued: Issued) => boolean = () => false) {
  const issued: Issued[] = [];
  const open = new Set<number>();
  const values = new Map<string, Uint8Array>();
  let nextFd = 3;
  const answer = (command: BpfCommand, attr: object): number => {
    const elem = attr as BpfCommands['MAP_LOOKUP_ELEM']['attr'];
    if (command === 'MAP_UPDATE_ELEM') values.set(at(elem), elem.value.slice());
    if (command === 'MAP_LOOKUP_ELEM') elem.value.set(values.get(at(elem)) ?? []);
    if (command.startsWith('MAP_') && command !== 'MAP_CREATE') return 0;
    open.add(nextFd);
    return nextFd++;
  };
  const self = {
    pid: 1,
    bpf: (command: BpfCommand, attr: object): Promise<BpfResult<unknown>> => {
      issued.push({ command, attr });
      if (refuse({ command, attr }))
        return Promise.resolve({ ok: false, errno: 1, reason: 'no such luck', log: 'line 1' });
      return Promise.resolve({ ok: true, value: answer(command, attr) });
    },
    call: (name: string, fd: number) => {
      if (name === 'close') open.delete(fd);
      return Promise.resolve(0);
    },
  } as unknown as Task;
  const kernel: Kernel = {
    release: '6.12.95+deb12-cloud-amd64',
    version: '#1 SMP',
    possibleCpus: 2,
    btf: () => Promise.resolve(image.btf),
    config: (name) => Promise.resolve(image.config?.get(name)),
    self,
    spawn: () => Promise.resolve(self),
    decisions: () => undefined,
  };
  const of = <C extends BpfCommand>(command: C): BpfCommands[C]['attr'][] =>
    issued.filter((i) => i.command === command).map((i) => i.attr as BpfCommands[C]['attr']);
  return { kernel, open, of };
}

const load = (name: string, kernel: Kernel, options: Omit<LoadOptions, 'kernel'> = {}) =>
  Collection.load(example(name), { file: `${name}.bpf.o`, ...options, kernel });

describe('loading an object', () => {
  it('creates maps as the object declares them, data sections under names like those of libbpf', async () => {
    const { kernel, of } = fakeKernel();
    await load('connect_guard', kernel);
    expect(of('MAP_CREATE')).toMatchObject([
      { mapType: 11, keySize: 24, valueSize: 4, maxEntries: 1024, mapFlags: 1, mapName: 'rules' },
      { mapType: 2, valueSize: 4, maxEntries: 1, mapName: 'connect_.rodata' },
    ]);
  });

  it('gives each program its hook, type, licence and debug information', async () => {
    const { kernel, of } = fakeKernel();
    await load('exec_env', kernel);
    const hook = vmlinux.find('bpf_lsm_bprm_committed_creds', 'func');
    expect(of('PROG_LOAD')).toMatchObject([
      {
        progType: 29,
        expectedAttachType: 27,
        attachBtfId: hook,
        progFlags: 16,
        license: 'GPL',
        progName: 'report_exec',
      },
    ]);
    const [attr] = of('PROG_LOAD');
    expect(attr?.funcInfo?.length).toBe(16);
    expect((attr?.lineInfo?.length ?? 0) % 16).toBe(0);
  });

  it('points loads at maps, values and callbacks', async () => {
    const { kernel, of } = fakeKernel();
    await load('exec_env', kernel);
    const fds = new Set<number>();
    const sources = decodeInsns(of('PROG_LOAD')[0]?.insns ?? new Uint8Array())
      .filter((insn) => insn.opcode === 0x18)
      .map((insn) => {
        if (insn.src !== 4) fds.add(insn.imm);
        return insn.src;
      });
    expect(new Set(sources)).toEqual(new Set([1, 2, 4]));
    expect([...fds].every((fd) => fd >= 3)).toBe(true);
  });

  it('sets const variables before it freezes their section, and loads programs after that', async () => {
    const order: string[] = [];
    const { kernel, of } = fakeKernel(({ command }) => {
      order.push(command);
      return false;
    });
    await load('connect_guard', kernel, { variables: { default_action: 'DENY' } });
    expect(of('MAP_UPDATE_ELEM').map((attr) => [...attr.value])).toEqual([[1, 0, 0, 0]]);
    expect(order.filter((command) => command !== 'MAP_CREATE')).toEqual([
      'BTF_LOAD',
      'MAP_UPDATE_ELEM',
      'MAP_FREEZE',
      'PROG_LOAD',
    ]);
  });

  it('creates a map without BTF where the kernel refuses it with BTF', async () => {
    const { kernel, of } = fakeKernel(
      ({ command, attr }) => command === 'MAP_CREATE' && 'btfFd' in attr,
    );
    await load('connect_guard', kernel);
    const typed = of('MAP_CREATE').filter((attr) => attr.btfFd !== undefined);
    const names = typed.map((attr) => attr.mapName);
    expect(names.length).toBeGreaterThan(0);
    const untyped = of('MAP_CREATE').filter((attr) => attr.btfFd === undefined);
    expect(untyped.map((attr) => attr.mapName)).toEqual(expect.arrayContaining(names));
  });

  it('puts initial entries into maps', async () => {
    const { kernel } = fakeKernel();
    const entries = [[{ dev: 1, ino: 2 }, 1]] as const;
    const policy = await load('protect_file', kernel, { maps: { protected_files: { entries } } });
    expect(await policy.map('protected_files').get({ dev: 1n, ino: 2n })).toBe(1);
  });

  it('leaves out programs that are told not to load', async () => {
    const { kernel, of } = fakeKernel();
    const programs = { protect_size: { autoload: false } };
    const policy = await load('protect_file', kernel, { programs });
    expect(of('PROG_LOAD').map((attr) => attr.progName)).toEqual([
      'protect_unlink',
      'protect_rename',
    ]);
    expect(() => policy.program('protect_size')).toThrow(
      "protect_file.bpf.o: program 'protect_size': there is no such program; there are: protect_unlink, protect_rename",
    );
  });

  it('closes every file descriptor, newest first, when it is closed', async () => {
    const { kernel, open } = fakeKernel();
    const policy = await load('no_ptrace', kernel);
    await policy.attach();
    expect(open.size).toBe(9);
    await policy.close();
    expect(open.size).toBe(0);
  });

  it('reads and writes global variables', async () => {
    const { kernel } = fakeKernel();
    const policy = await load('exec_env', kernel);
    expect(await policy.variable('max_bytes').get()).toBe(262144);
    await policy.variable('lost').set(7);
    expect(await policy.variable('lost').get()).toBe(7n);
    expect(await policy.variable('zero').get()).toBe(0);
    await expect(policy.variable('max_bytes').set(1)).rejects.toThrow('max_bytes: is const');
  });
});

describe('an object that does not load', () => {
  const spec = readObject(example('mprotect_audit'), { file: 'mprotect_audit.bpf.o' });
  const misspelt = new Map(
    [...spec.programs].map(([name, program]) => [name, { ...program, attachTo: 'file_mprotekt' }]),
  );

  const cases: readonly (readonly [
    string,
    Uint8Array | typeof spec,
    Omit<LoadOptions, 'kernel'>,
    string,
  ])[] = [
    [
      'a hook that the kernel lacks',
      { ...spec, programs: misspelt },
      {},
      "program 'deny_heap_exec': the kernel has no LSM hook 'file_mprotekt': failed to find " +
        "BTF type ID of 'bpf_lsm_file_mprotekt'; near to it: file_mprotect",
    ],
    [
      'a variable that is not there',
      spec,
      { variables: { maxx: 1 } },
      "variable 'maxx': there is no such variable; there are: lost",
    ],
    [
      'a value of the wrong type',
      spec,
      { variables: { lost: 'many' } },
      'variable \'lost\': unsigned long long takes an integer, not "many"',
    ],
    [
      'a value out of range',
      spec,
      { variables: { lost: -1 } },
      "variable 'lost': -1 is outside unsigned long long",
    ],
    [
      'options for a map that is not there',
      spec,
      { maps: { evnts: {} } },
      "map 'evnts': there is no such map; there are: events",
    ],
    [
      'options for a program that is not there',
      spec,
      { programs: { deny: {} } },
      "program 'deny': there is no such program; there are: deny_heap_exec",
    ],
  ];
  it.each(cases)('names %s, and leaves nothing behind', async (_name, object, options, message) => {
    const { kernel, open } = fakeKernel();
    await expect(Collection.load(object, { ...options, kernel })).rejects.toThrow(message);
    expect(open.size).toBe(0);
  });

  for (const command of [
    'BTF_LOAD',
    'MAP_CREATE',
    'MAP_UPDATE_ELEM',
    'MAP_FREEZE',
    'PROG_LOAD',
  ] as const)
    it(`releases all when ${command} is refused, and says why`, async () => {
      const { kernel, open } = fakeKernel((issued) => issued.command === command);
      const failed = load('exec_env', kernel);
      await expect(failed).rejects.toThrow(`${command}: EPERM: no such luck`);
      await expect(failed).rejects.toMatchObject({ name: 'LoadError', file: 'exec_env.bpf.o' });
      expect(open.size).toBe(0);
    });

  it('keeps the verifier log out of the message, but has it', async () => {
    const { kernel } = fakeKernel(({ command }) => command === 'PROG_LOAD');
    await expect(load('mprotect_audit', kernel)).rejects.toMatchObject({
      message: "mprotect_audit.bpf.o: program 'deny_heap_exec': PROG_LOAD: EPERM: no such luck",
      log: 'line 1',
    });
  });

  it('detaches what it attached when one program cannot be', async () => {
    let links = 0;
    const { kernel, open } = fakeKernel(
      ({ command }) => command === 'LINK_CREATE' && ++links === 3,
    );
    const policy = await load('protect_file', kernel);
    const before = open.size;
    await expect(policy.attach()).rejects.toThrow("program 'protect_size': LINK_CREATE: EPERM");
    expect(open.size).toBe(before);
  });
});

describe('an object of every sort', () => {
  it('gives .kconfig externs what the kernel is configured with', async () => {
    const { kernel } = fakeKernel();
    const spec = readObject(testdata('globals'), { file: 'globals.bpf.o' });
    const policy = await Collection.load(spec, { kernel });
    const externs = [...spec.variables.values()].filter((v) => v.extern);
    expect(externs.length).toBeGreaterThan(0);
    for (const { name } of externs) {
      const value = await policy.variable(name).get();
      if (name === 'LINUX_KERNEL_VERSION') expect(value).toBe(0x060c5f);
      if (image.config?.get(name) === 'y')
        expect([1, true, 'y'.charCodeAt(0), 'TRI_YES']).toContain(value);
    }
    await policy.close();
  });

  it('attaches what names its target, and passes over what does not', async () => {
    const { kernel, of } = fakeKernel();
    const policy = await Collection.load(testdata('calls'), { kernel });
    const named = [...policy.programs.values()].filter((p) => p.spec.type !== 'SOCKET_FILTER');
    expect(await policy.attach()).toHaveLength(named.length);
    expect(of('LINK_CREATE').map((attr) => attr.progFd)).toEqual(named.map((p) => p.fd));
  });

  it('finds kernel functions by name and prototype; a weak one that does not fit is 0', async () => {
    const { kernel, of } = fakeKernel();
    await Collection.load(readFileSync(new URL('testdata/kfuncs.bpf.o', import.meta.url)), {
      kernel,
    });
    const insns = decodeInsns(of('PROG_LOAD')[0]?.insns ?? new Uint8Array());
    const calls = insns.filter((insn) => insn.opcode === 0x85);
    const ids = ['bpf_task_acquire', 'bpf_task_release'].map((f) => vmlinux.find(f, 'func'));
    expect(calls.map(({ src, imm }) => [src, imm])).toEqual([
      [2, ids[0]],
      [0, 2002000000],
      [0, 2002000000],
      [2, ids[1]],
    ]);
    const addresses = insns.filter((insn) => insn.opcode === 0x18);
    expect(addresses.map(({ src, imm, immHi }) => [src, imm, immHi])).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
  });

  it('fills maps of maps', async () => {
    const { kernel, of, open } = fakeKernel();
    const spec = readObject(testdata('maps'), { file: 'maps.bpf.o' });
    const unpinned = [...spec.maps].map(([n, m]) => [n, { ...m, pinning: 'none' }] as const);
    const policy = await Collection.load({ ...spec, maps: new Map(unpinned) }, { kernel });
    expect(of('MAP_CREATE').some((attr) => attr.innerMapFd !== undefined)).toBe(true);
    await policy.close();
    expect(open.size).toBe(0);
  });
});
