import { describe, expect, it } from 'vitest';
import { BPF_ATTACH_TYPE, BPF_F, BPF_MAP_TYPE, BPF_PROG_TYPE, ERRNO } from '../../abi/index.ts';
import { readBtf } from '../../btf/index.ts';
import { openKernelImage } from '../../node/index.ts';
import { bootFake } from './testdata/fake-host.ts';

const btf = readBtf(openKernelImage('6.12').btf, { file: 'vmlinux' });
const boot = () => bootFake(btf, '6.12.95');
const { E2BIG, EACCES, EBADF, EBADFD, EBUSY, EINVAL, EPERM } = ERRNO;
const ALLOW = 'r0 = 0\nexit';

const readsArgument = (slot: number, offset: number, wanted: number): string =>
  `r1 = *(u64 *)(r1 +${slot * 8})
   r2 = *(u32 *)(r1 +${offset})
   r0 = 0
   if r2 != ${wanted} goto out
   r0 = -1
   out: exit`;

const member = (struct: string, name: string): number => {
  const type = btf.type(btf.find(struct, 'struct') ?? 0);
  const found = type.kind === 'struct' ? type.members.find((m) => m.name === name) : undefined;
  return (found?.bitOffset ?? 0) / 8;
};

describe('PROG_LOAD refuses', () => {
  const { LSM_MAC, LSM_CGROUP } = BPF_ATTACH_TYPE;
  it.each([
    ['a hook id of 0', { attachBtfId: 0 }, EINVAL, 'Tracing programs must provide btf_id'],
    ['an id beyond the BTF', { attachBtfId: 1e7 }, EINVAL, 'attach_btf_id 10000000 is invalid'],
    ['another attach type', { expectedAttachType: 0 }, EINVAL, 'expected_attach_type 0'],
    ['a licence that is not for the GPL', { license: 'MIT' }, EINVAL, 'GPL compatible license'],
    ['unknown flags', { progFlags: 1 << 12 }, EINVAL, '0x1000'],
    ['no instructions', { insns: new Uint8Array(0) }, E2BIG, '0 instructions'],
    ['half an instruction', { insns: new Uint8Array(12) }, EINVAL, 'instruction'],
    ['a bad name', { progName: 'no-dash' }, EINVAL, 'no-dash'],
    ['an unknown type', { progType: 77 }, EINVAL, '#77'],
    ['the BTF of a bad descriptor', { progBtfFd: 99 }, EBADF, 'fd 99'],
    ['a sleepable program where hooks do not sleep', { progFlags: 16 }, EINVAL, 'is not sleepable'],
  ])('%s', (_title, rest, errno, reason) => {
    const { call, program, bpf, host } = boot();
    const before = host.mem.liveObjects;
    const result = call('PROG_LOAD', program('file_permission', ALLOW, rest));
    expect(result).toMatchObject({ ok: false, errno });
    expect(result.ok ? '' : result.reason).toContain(reason);
    expect(bpf.leaks()).toEqual([]);
    expect(host.mem.liveObjects).toBe(before);
  });

  it.each([
    ['a disabled hook', 'getprocattr', 'points to disabled hook bpf_lsm_getprocattr'],
    ['a function that is no hook', 'init', 'points to wrong type name bpf_lsm_init'],
  ])('%s', (_title, hook, reason) => {
    const { call, program, hookId } = boot();
    if (hookId(hook) === 0) return;
    const result = call('PROG_LOAD', program(hook, ALLOW));
    expect(result.ok ? '' : result.reason).toContain(reason);
  });

  it.each([
    [
      'a helper of other program types',
      'call bpf_sk_lookup_tcp#84\nr0 = 0\nexit',
      'cannot use helper',
    ],
    [
      'an unmodelled helper',
      'call bpf_per_cpu_ptr#153\nr0 = 0\nexit',
      'helper bpf_per_cpu_ptr#153 is not modelled',
    ],
    ['a helper that Linux has not', 'call bpf_x#4000\nr0 = 0\nexit', 'invalid func unknown#4000'],
    ['a poisoned relocation', `call bpf_x#195896080\nr0 = 0\nexit`, 'CO-RE relocation'],
    ['a sleeping helper', 'call bpf_copy_from_user#148\nr0 = 0\nexit', 'might sleep'],
    ['a missing exit', 'r0 = 0', ''],
  ])('%s', (_title, code, reason) => {
    const { call, program } = boot();
    const result = call('PROG_LOAD', program('file_open', code));
    expect(result.ok).toBe(false);
    expect(result.ok ? '' : result.reason).toContain(reason);
  });

  it('helpers for the GPL alone in programs of other types', () => {
    const { call, program } = boot();
    const load = (license: string) =>
      call('PROG_LOAD', {
        ...program('file_open', 'call bpf_get_current_task#35\nr0 = 0\nexit'),
        progType: BPF_PROG_TYPE.TRACING,
        license,
      });
    expect(load('MIT')).toMatchObject({ ok: false, errno: EINVAL });
    expect(load('Dual MIT/GPL')).toMatchObject({ ok: true });
  });

  it('kernel functions, by name', () => {
    const { call, program } = boot();
    const id = btf.find('bpf_get_task_exe_file', 'func') ?? 0;
    const result = call('PROG_LOAD', program('file_open', `call kernel-function#${id}\nexit`));
    expect(result).toMatchObject({ ok: false, errno: EACCES });
  });

  it('callers without the capabilities', () => {
    const { call, program, host } = boot();
    host.caps = false;
    expect(call('PROG_LOAD', program('file_open', ALLOW))).toMatchObject({ errno: EPERM });
  });

  it('LSM_CGROUP at attach, not at load', () => {
    const { call, load } = boot();
    const progFd = load('socket_bind', 'r0 = 1\nexit', { expectedAttachType: LSM_CGROUP });
    expect(call('LINK_CREATE', { progFd, attachType: LSM_MAC })).toMatchObject({ errno: EINVAL });
    expect(call('LINK_CREATE', { progFd, attachType: LSM_CGROUP, targetFd: 4 })).toMatchObject({
      errno: EINVAL,
      reason: 'attach type LSM_CGROUP is not modelled',
    });
  });
});

describe('attaching', () => {
  it('runs the newest program first, and the first non-zero result stands', () => {
    const { host, load, attach } = boot();
    attach(load('file_open', 'r0 = -1\nexit', { progName: 'old' }));
    attach(load('file_open', 'r0 = -13\nexit', { progName: 'new' }));
    attach(load('file_open', ALLOW, { progName: 'newest' }));
    const { result, decision } = host.lsm.fire('file_open', [null]);
    expect(result).toBe(-13);
    expect(decision.programs.map(({ name, result: r }) => [name, r])).toEqual([
      ['newest', 0],
      ['new', -13],
    ]);
    expect(decision.by).toEqual({ layer: 'bpf', program: 'new', programId: 2 });
  });

  it('takes a program once a hook, and 38 programs', () => {
    const { load, attach, call } = boot();
    const progFd = load('file_open', ALLOW);
    const again = { progFd, attachType: BPF_ATTACH_TYPE.LSM_MAC };
    attach(progFd);
    expect(call('LINK_CREATE', again)).toMatchObject({ errno: EBUSY });
    for (let i = 1; i < 38; i++) attach(load('file_open', ALLOW));
    const progFd39 = load('file_open', ALLOW);
    expect(call('LINK_CREATE', { ...again, progFd: progFd39 })).toMatchObject({ errno: E2BIG });
  });

  it('works through RAW_TRACEPOINT_OPEN, without a name', () => {
    const { load, call, must, task, bpf } = boot();
    const progFd = load('file_open', ALLOW);
    expect(call('RAW_TRACEPOINT_OPEN', { progFd, name: 'x' })).toMatchObject({ errno: EINVAL });
    const link = must('RAW_TRACEPOINT_OPEN', { progFd });
    for (const fd of [progFd, link]) task.close(fd);
    expect(bpf.leaks()).toEqual([]);
  });

  it('again after the link is gone', () => {
    const { load, attach, task } = boot();
    const prog = load('file_open', ALLOW);
    task.close(attach(prog));
    expect(attach(prog)).toBeGreaterThan(0);
  });

  it('refuses program types that it does not run', () => {
    const { call, must, program } = boot();
    const progFd = must('PROG_LOAD', {
      ...program('file_open', ALLOW),
      progType: 1,
      expectedAttachType: 0,
    });
    expect(call('LINK_CREATE', { progFd, attachType: 0 })).toMatchObject({
      reason: 'attaching programs of type SOCKET_FILTER is not modelled',
    });
  });
});

describe('programs', () => {
  it('jump by tail calls, in the slots that hold a program', () => {
    const kernel = boot();
    const { must, load, attach, host, task, bpf } = kernel;
    const map = must('MAP_CREATE', {
      mapType: BPF_MAP_TYPE.PROG_ARRAY,
      keySize: 4,
      valueSize: 4,
      maxEntries: 2,
    });
    const jump = `r2 = map[fd:${map}]\nr3 = 1\ncall bpf_tail_call#12\nr0 = -1\nexit`;
    const link = attach(load('file_open', jump));
    const fire = () => host.lsm.fire('file_open', [null]).result;
    expect(fire()).toBe(-1);
    const target = load('file_open', 'r0 = -22\nexit');
    const key = new Uint8Array([1, 0, 0, 0]);
    must('MAP_UPDATE_ELEM', { mapFd: map, key, value: new Uint8Array([target, 0, 0, 0]) });
    expect(fire()).toBe(-22);
    task.close(map);
    expect(fire()).toBe(-1);
    task.close(link);
    for (let fd = 3; fd < 8; fd++) task.close(fd);
    expect(bpf.leaks()).toEqual([]);
  });

  it('address the value of an array of one directly, and keep its map', () => {
    const { must, run, task, bpf, host, load, attach } = boot();
    const attr = { keySize: 4, valueSize: 16, maxEntries: 1 };
    const map = must('MAP_CREATE', { mapType: BPF_MAP_TYPE.ARRAY, ...attr });
    const key = new Uint8Array(4);
    const value = new Uint8Array(16).fill(0xff, 12, 16);
    must('MAP_UPDATE_ELEM', { mapFd: map, key, value });
    const code = `r1 = map[fd:${map}][0]+12\nr0 = *(u32 *)(r1 +0)\nexit`;
    expect(run(code)).toBe(-1);
    const link = attach(load('file_open', code));
    task.close(map);
    expect(host.lsm.fire('file_open', [null]).result).toBe(-1);
    task.close(link);
    expect(bpf.leaks()).toEqual(['map 1 ', 'prog 2 test']);
  });

  it.each([
    ['past the value', 'map[fd:3][0]+16', 'off=16'],
    ['of a hash', 'map[fd:4][0]+0', 'no direct value access'],
    ['of a closed descriptor', 'map[fd:9]', 'fd 9'],
  ])('may not use an address %s', (_title, place, reason) => {
    const { must, call, program } = boot();
    must('MAP_CREATE', { mapType: BPF_MAP_TYPE.ARRAY, keySize: 4, valueSize: 16, maxEntries: 1 });
    must('MAP_CREATE', { mapType: BPF_MAP_TYPE.HASH, keySize: 4, valueSize: 16, maxEntries: 1 });
    const result = call('PROG_LOAD', program('file_open', `r1 = ${place}\nr0 = 0\nexit`));
    expect(result.ok ? '' : result.reason).toContain(reason);
  });

  it('that sleep use no LPM tries', () => {
    const { must, call, program } = boot();
    const map = must('MAP_CREATE', {
      mapType: BPF_MAP_TYPE.LPM_TRIE,
      keySize: 8,
      valueSize: 1,
      maxEntries: 1,
      mapFlags: BPF_F.NO_PREALLOC,
    });
    const code = `r1 = map[fd:${map}]\nr0 = 0\nexit`;
    const result = call('PROG_LOAD', program('file_open', code, { progFlags: 16 }));
    expect(result.ok ? '' : result.reason).toContain('Sleepable programs can only use');
  });

  it('have the tag that Linux gives', () => {
    const { load, must } = boot();
    const info = must('OBJ_GET_INFO_BY_FD', { bpfFd: load('file_open', ALLOW) });
    expect(info).toMatchObject({
      kind: 'prog',
      type: BPF_PROG_TYPE.LSM,
      id: 1,
      tag: 'a04f5eef06a7f555',
      name: 'test',
    });
  });

  it('name the source line that denied', () => {
    const { must, load, attach, host } = boot();
    const strings = new TextEncoder().encode('\0guard.bpf.c\0  return -EPERM;\0');
    const [file, text] = [1, 13];
    // One type, a pointer to void: the kernel takes no BTF without any.
    const types = [0, 2 << 24, 0];
    const words = new Uint32Array([0x1eb9f, 24, 0, 12, 12, strings.length, ...types]);
    const btfFd = must('BTF_LOAD', {
      btf: new Uint8Array([...new Uint8Array(words.buffer), ...strings]),
    });
    const lineInfo = new Uint8Array(new Uint32Array([0, file, text, (7 << 10) | 3]).buffer);
    attach(load('file_open', 'r0 = -1\nexit', { progBtfFd: btfFd, lineInfo }));
    expect(host.lsm.fire('file_open', [null]).decision.by).toMatchObject({
      line: { file: 'guard.bpf.c', line: 7, text: 'return -EPERM;' },
    });
  });
});

describe('OBJ_GET_INFO_BY_FD', () => {
  it('says EBADFD for a descriptor that is not open', () => {
    expect(boot().call('OBJ_GET_INFO_BY_FD', { bpfFd: 9 })).toMatchObject({ errno: EBADFD });
  });

  it('describes links', () => {
    const { must, load, attach, hookId } = boot();
    const link = attach(load('file_open', ALLOW));
    expect(must('OBJ_GET_INFO_BY_FD', { bpfFd: link })).toEqual({
      kind: 'link',
      type: 2,
      id: 1,
      progId: 1,
      attachType: BPF_ATTACH_TYPE.LSM_MAC,
      targetObjId: 1,
      targetBtfId: hookId('file_open'),
      cgroupId: 0n,
    });
  });
});

describe('hooks on bpf(2)', () => {
  it('bpf sees the command and its attributes', () => {
    const { load, attach, call } = boot();
    // map_create.max_entries is at 12.
    attach(load('bpf', readsArgument(1, 12, 77)));
    const attr = { mapType: BPF_MAP_TYPE.HASH, keySize: 4, valueSize: 4 };
    expect(call('MAP_CREATE', { ...attr, maxEntries: 77 })).toMatchObject({ errno: EPERM });
    expect(call('MAP_CREATE', { ...attr, maxEntries: 78 })).toMatchObject({ ok: true });
  });

  it('bpf_map sees the map, after its id is set', () => {
    const { load, attach, call, bpf } = boot();
    attach(load('bpf_map', readsArgument(0, member('bpf_map', 'id'), 2)));
    const make = () =>
      call('MAP_CREATE', { mapType: BPF_MAP_TYPE.HASH, keySize: 4, valueSize: 4, maxEntries: 1 });
    expect(make()).toMatchObject({ ok: true });
    expect(make()).toMatchObject({ errno: EPERM });
    expect(bpf.leaks().filter((leak) => leak.startsWith('map'))).toEqual(['map 1 ']);
  });

  it('bpf_prog_load sees the program type before the id is set', () => {
    const { load, attach, call, program, host } = boot();
    attach(load('bpf_prog_load', readsArgument(0, member('bpf_prog', 'type'), BPF_PROG_TYPE.LSM)));
    const before = host.mem.liveObjects;
    expect(call('PROG_LOAD', program('file_open', ALLOW))).toMatchObject({ errno: EPERM });
    expect(host.mem.liveObjects).toBe(before);
  });
});
