import { describe, expect } from 'vitest';
import {
  AT,
  BPF_ATTACH_TYPE,
  BPF_F,
  BPF_MAP_TYPE,
  BPF_PROG_TYPE,
  O,
  PROG_LOAD_FLAGS,
} from '../abi/index.ts';
import { assemble } from '../isa/index.ts';
import type { BpfCommand, BpfCommands, MapCreateAttr } from '../kernel/bpf.ts';
import { bpf } from './bpf.ts';
import { cstring, type Executor } from './executor.ts';
import { makeMount } from './mount.ts';
import { mustCall } from './must-call.ts';
import { SYS } from './numbers.ts';
import { spawnTask } from './self.ts';
import { CLOSED, knowsPathFd, must, onLinux, refusal, type Scope, u32s } from './testdata/host.ts';

const ALLOW = assemble('r0 = 7\nexit');

/** The elements of a map of 32-bit keys and 64-bit values, by batches of two. */
function readAll(
  libc: Executor,
  mapFd: number,
  command: 'MAP_LOOKUP_BATCH' | 'MAP_LOOKUP_AND_DELETE_BATCH',
) {
  const found: [number, number][] = [];
  const outBatch = new Uint8Array(4);
  for (let inBatch: Uint8Array | null = null; ; inBatch = outBatch.slice()) {
    const keys = new Uint8Array(64);
    const values = new Uint8Array(128);
    const { count, last } = must(libc, command, {
      mapFd,
      inBatch,
      outBatch,
      keys,
      values,
      count: 16,
    });
    const [keyWords, valueWords] = [new Uint32Array(keys.buffer), new Uint32Array(values.buffer)];
    for (let i = 0; i < count; i++) found.push([keyWords[i] ?? 0, valueWords[i * 2] ?? 0]);
    if (last) return found.toSorted(([a], [b]) => a - b);
  }
}

describe('maps', () => {
  onLinux('keep what is put into them', (libc, scope) => {
    const mapFd = scope.map();
    must(libc, 'MAP_UPDATE_ELEM', { mapFd, key: u32s(2), value: u32s(5, 6) });
    const value = new Uint8Array(8);
    must(libc, 'MAP_LOOKUP_ELEM', { mapFd, key: u32s(2), value });
    expect(value).toEqual(u32s(5, 6));
    const nextKey = new Uint8Array(4);
    must(libc, 'MAP_GET_NEXT_KEY', { mapFd, key: null, nextKey });
    expect(nextKey).toEqual(u32s(0));
    expect(refusal(libc, 'MAP_DELETE_ELEM', { mapFd, key: u32s(2) }).errno).toBe('EINVAL');
    must(libc, 'MAP_FREEZE', { mapFd });
    expect(refusal(libc, 'MAP_UPDATE_ELEM', { mapFd, key: u32s(2), value }).errno).toBe('EPERM');
  });

  onLinux('are written, read and emptied in batches', (libc, scope) => {
    const mapFd = scope.map({ mapType: BPF_MAP_TYPE.HASH, maxEntries: 8 });
    const keys = u32s(1, 2, 3);
    const values = u32s(10, 0, 20, 0, 30, 0);
    expect(must(libc, 'MAP_UPDATE_BATCH', { mapFd, keys, values, count: 3 })).toBe(3);
    const all = [
      [1, 10],
      [2, 20],
      [3, 30],
    ];
    expect(readAll(libc, mapFd, 'MAP_LOOKUP_BATCH')).toEqual(all);
    expect(must(libc, 'MAP_DELETE_BATCH', { mapFd, keys: u32s(2), count: 1 })).toBe(1);
    expect(readAll(libc, mapFd, 'MAP_LOOKUP_AND_DELETE_BATCH')).toEqual([all[0], all[2]]);
    expect(readAll(libc, mapFd, 'MAP_LOOKUP_BATCH')).toEqual([]);
  });

  onLinux('tell how far a batch came that failed', (libc, scope) => {
    const mapFd = scope.map({ mapType: BPF_MAP_TYPE.HASH, maxEntries: 1 });
    const attr = { mapFd, keys: u32s(1, 2), values: u32s(0, 0, 0, 0), count: 2 };
    expect(refusal(libc, 'MAP_UPDATE_BATCH', attr)).toMatchObject({
      errno: 'E2BIG',
      reason: 'Argument list too long; 1 of 2 elements were done',
    });
  });

  onLinux('have a slot for each possible CPU', (libc, scope) => {
    const mapFd = scope.map({ mapType: BPF_MAP_TYPE.PERCPU_ARRAY, valueSize: 4 });
    const room = new Uint8Array(8 * 4096);
    room.set([1, 2, 3, 4, 0, 0, 0, 0]);
    must(libc, 'MAP_UPDATE_ELEM', { mapFd, key: u32s(0), value: room });
    const value = new Uint8Array(room.length);
    must(libc, 'MAP_LOOKUP_ELEM', { mapFd, key: u32s(0), value });
    expect(value).toEqual(room);
  });

  onLinux('give up elements: queues without a key, hash maps with one', (libc, scope) => {
    const queue = { mapType: BPF_MAP_TYPE.QUEUE, keySize: 0, valueSize: 4 };
    const mapFd = scope.map(queue);
    for (const word of [3, 4])
      must(libc, 'MAP_UPDATE_ELEM', { mapFd, key: new Uint8Array(0), value: u32s(word) });
    const value = new Uint8Array(4);
    must(libc, 'MAP_LOOKUP_AND_DELETE_ELEM', { mapFd, key: null, value });
    expect(value).toEqual(u32s(3));
    const hash = scope.map({ mapType: BPF_MAP_TYPE.HASH, valueSize: 4 });
    const take = { mapFd: hash, key: u32s(1), value };
    expect(refusal(libc, 'MAP_LOOKUP_AND_DELETE_ELEM', take).errno).toBe('ENOENT');
  });
});

describe('programs', () => {
  onLinux('run with a packet', (libc, scope) => {
    const progFd = scope.program(ALLOW);
    const run = must(libc, 'PROG_TEST_RUN', { progFd, dataIn: new Uint8Array(64), repeat: 4 });
    expect(run).toMatchObject({ retval: 7, dataSizeOut: 64 });
  });

  onLinux('give back the packet, or say how long it is', (libc, scope) => {
    const progFd = scope.program(assemble('r0 = 2\nexit'), { progType: BPF_PROG_TYPE.XDP });
    const dataIn = Uint8Array.from({ length: 20 }, (_, i) => i);
    const dataOut = new Uint8Array(20);
    must(libc, 'PROG_TEST_RUN', { progFd, dataIn, dataOut });
    expect(dataOut).toEqual(dataIn);
    const short = { progFd, dataIn, dataOut: new Uint8Array(4) };
    expect(refusal(libc, 'PROG_TEST_RUN', short)).toMatchObject({
      errno: 'ENOSPC',
      reason: 'the packet that came out has 20 bytes',
    });
  });

  onLinux('are refused with the sentence of the verifier, and its log', (libc) => {
    const attr = { progType: BPF_PROG_TYPE.SOCKET_FILTER, insns: assemble('exit'), license: 'GPL' };
    const { errno, reason, log } = refusal(libc, 'PROG_LOAD', attr);
    expect([errno, reason]).toEqual([
      'EACCES',
      expect.stringMatching(/^R0 (?:!read_ok|has never)/),
    ]);
    expect(log).toContain('(95) exit');
  });

  onLinux('have logs of any length', (libc) => {
    // The verifier prints each of these lines: half a megabyte.
    const insns = assemble(`${'r2 = 1\n'.repeat(10_000)}exit`);
    const attr = { progType: BPF_PROG_TYPE.SOCKET_FILTER, insns, license: 'GPL' };
    const { log, reason } = refusal(libc, 'PROG_LOAD', attr);
    expect(reason).toMatch(/^R0 (?:!read_ok|has never)/);
    expect(log?.length).toBeGreaterThan(200_000);
  });

  onLinux('are refused without a log where the verifier was not asked', async (libc) => {
    const task = await spawnTask(libc, { uid: 1000 });
    const attr = { progType: BPF_PROG_TYPE.XDP, insns: ALLOW, license: 'GPL' };
    const result = await task.bpf('PROG_LOAD', attr);
    await task.exit();
    expect(result).toEqual({
      ok: false,
      errno: 1,
      reason: 'Operation not permitted; the kernel refused without a verifier log',
    });
  });

  onLinux('are bound to maps', (libc, scope) => {
    const progFd = scope.program(ALLOW);
    const mapFd = scope.map();
    must(libc, 'PROG_BIND_MAP', { progFd, mapFd });
    const map = must(libc, 'OBJ_GET_INFO_BY_FD', { bpfFd: mapFd });
    const prog = must(libc, 'OBJ_GET_INFO_BY_FD', { bpfFd: progFd });
    expect(prog).toMatchObject({ kind: 'prog', mapIds: [map.kind === 'map' ? map.id : 0] });
  });

  onLinux('count their runs while statistics are on', (libc, scope) => {
    scope.own(must(libc, 'ENABLE_STATS', { type: 0 }));
    const progFd = scope.program(ALLOW);
    must(libc, 'PROG_TEST_RUN', { progFd, dataIn: new Uint8Array(64), repeat: 3 });
    // Test runs are not counted; the number is there all the same.
    expect(must(libc, 'OBJ_GET_INFO_BY_FD', { bpfFd: progFd })).toMatchObject({
      runCnt: expect.any(BigInt) as bigint,
    });
  });
});

describe('object info', () => {
  onLinux('of a program', (libc, scope) => {
    const bpfFd = scope.program(ALLOW, { progName: 'seven', license: 'Proprietary' });
    expect(must(libc, 'OBJ_GET_INFO_BY_FD', { bpfFd })).toMatchObject({
      kind: 'prog',
      type: BPF_PROG_TYPE.SOCKET_FILTER,
      name: 'seven',
      tag: '9efe8873120741b3',
      gplCompatible: false,
      createdByUid: 0,
      xlatedProgLen: 16,
      verifiedInsns: 2,
      mapIds: [],
    });
  });

  onLinux('of a program with many maps lists all', (libc, scope) => {
    const maps = Array.from({ length: 12 }, () => scope.map({ maxEntries: 1 }));
    const code = maps.map((fd) => `r1 = map[fd:${fd}]`).join('\n');
    const bpfFd = scope.program(assemble(`${code}\nr0 = 0\nexit`));
    const ids = maps.map((fd) => must(libc, 'OBJ_GET_INFO_BY_FD', { bpfFd: fd }));
    expect(must(libc, 'OBJ_GET_INFO_BY_FD', { bpfFd })).toMatchObject({
      mapIds: ids.map((map) => (map.kind === 'map' ? map.id : 0)),
    });
  });

  onLinux('of a map', (libc, scope) => {
    const bpfFd = scope.map({ mapName: 'numbers', mapFlags: 1, mapType: BPF_MAP_TYPE.HASH });
    expect(must(libc, 'OBJ_GET_INFO_BY_FD', { bpfFd })).toMatchObject({
      kind: 'map',
      type: BPF_MAP_TYPE.HASH,
      name: 'numbers',
      keySize: 4,
      valueSize: 8,
      maxEntries: 4,
      mapFlags: 1,
      btfId: 0,
    });
  });

  onLinux("of BTF, the kernel's own and one that was loaded", (libc, scope) => {
    const vmlinux = scope.own(must(libc, 'BTF_GET_FD_BY_ID', { btfId: 1 }));
    const own = must(libc, 'OBJ_GET_INFO_BY_FD', { bpfFd: vmlinux });
    expect(own).toMatchObject({ kind: 'btf', id: 1, name: 'vmlinux', kernelBtf: true });
    const int = u32s(1, 1 << 24, 4, 32);
    const raw = Uint8Array.from([
      ...u32s(0x1eb9f, 24, 0, int.length, int.length, 5),
      ...int,
      ...new TextEncoder().encode('\0int\0'),
    ]);
    const bpfFd = scope.own(must(libc, 'BTF_LOAD', { btf: raw }));
    const btf = new Uint8Array(raw.length);
    const info = must(libc, 'OBJ_GET_INFO_BY_FD', { bpfFd, btf });
    expect(info).toMatchObject({ kind: 'btf', size: raw.length, name: '', kernelBtf: false });
    expect(btf).toEqual(raw);
  });

  onLinux('is found by walking the ids', (libc, scope) => {
    const mine = must(libc, 'OBJ_GET_INFO_BY_FD', { bpfFd: scope.map({ mapName: 'walked' }) });
    const seen: number[] = [];
    for (let startId = 0; ; startId = seen.at(-1) ?? 0) {
      const next = bpf(libc, 'MAP_GET_NEXT_ID', { startId });
      if (!next.ok) {
        expect(next.errno).toBe(2);
        break;
      }
      seen.push(next.value);
    }
    const id = mine.kind === 'map' ? mine.id : 0;
    expect(seen).toContain(id);
    const again = scope.own(must(libc, 'MAP_GET_FD_BY_ID', { mapId: id }));
    expect(must(libc, 'OBJ_GET_INFO_BY_FD', { bpfFd: again })).toEqual(mine);
  });
});

/** The root directory of a bpffs that is mounted nowhere. */
function bpffs(libc: Executor, scope: Scope): number {
  const mount = scope.own(makeMount(libc, 'bpf'));
  return scope.own(mustCall(libc, 'openat', mount, cstring('.'), O.DIRECTORY | O.CLOEXEC));
}

describe('pins', () => {
  onLinux('keep what no descriptor holds', (libc, scope) => {
    const pathFd = bpffs(libc, scope);
    const at = { pathname: 'numbers', pathFd, fileFlags: BPF_F.PATH_FD };
    if (!knowsPathFd(libc)) return expect(refusal(libc, 'OBJ_GET', at).errno).toBe('EINVAL');
    const mapFd = must(libc, 'MAP_CREATE', {
      mapType: BPF_MAP_TYPE.ARRAY,
      keySize: 4,
      valueSize: 4,
      maxEntries: 1,
    });
    must(libc, 'OBJ_PIN', { ...at, bpfFd: mapFd });
    must(libc, 'MAP_UPDATE_ELEM', { mapFd, key: u32s(0), value: u32s(44) });
    libc.syscall(SYS.close, mapFd);
    const again = scope.own(must(libc, 'OBJ_GET', at));
    const value = new Uint8Array(4);
    must(libc, 'MAP_LOOKUP_ELEM', { mapFd: again, key: u32s(0), value });
    expect(value).toEqual(u32s(44));
    expect(refusal(libc, 'OBJ_PIN', { ...at, bpfFd: again }).errno).toBe('EEXIST');
    const missing = { ...at, pathname: 'nothing' };
    expect(refusal(libc, 'OBJ_GET', missing).errno).toBe('ENOENT');
  });

  onLinux('are made in a bpffs only', (libc, scope) => {
    const bpfFd = scope.map();
    const refused = refusal(libc, 'OBJ_PIN', { bpfFd, pathname: '/dev/shm/no-bpffs' });
    expect(refused.errno).toBe('EPERM');
    expect(refusal(libc, 'OBJ_GET', { pathname: '/etc/passwd' }).errno).toBe('EACCES');
  });
});

const openFile = (libc: Executor, scope: Scope): number =>
  scope.own(mustCall(libc, 'openat', AT.FDCWD, cstring('/etc/passwd'), O.RDONLY));

describe('refusals tell what is certain', () => {
  const map: MapCreateAttr = {
    mapType: BPF_MAP_TYPE.ARRAY_OF_MAPS,
    keySize: 4,
    valueSize: 4,
    maxEntries: 1,
    innerMapFd: CLOSED,
  };

  type Row = {
    [C in BpfCommand]: readonly [
      command: C,
      attr: BpfCommands[C]['attr'],
      errno: string,
      fact: string,
    ];
  }[BpfCommand];
  const bytes = new Uint8Array(8);
  const closed: readonly Row[] = [
    [
      'MAP_LOOKUP_ELEM',
      { mapFd: CLOSED, key: bytes, value: bytes },
      'EBADF',
      'map_fd 900 is not open',
    ],
    ['MAP_FREEZE', { mapFd: CLOSED }, 'EBADF', 'map_fd 900 is not open'],
    ['MAP_CREATE', map, 'EBADF', 'inner_map_fd 900 is not open'],
    ['LINK_DETACH', { linkFd: CLOSED }, 'EBADF', 'link_fd 900 is not open'],
    ['RAW_TRACEPOINT_OPEN', { progFd: CLOSED }, 'EBADF', 'prog_fd 900 is not open'],
    ['PROG_TEST_RUN', { progFd: CLOSED }, 'EBADF', 'prog_fd 900 is not open'],
    ['OBJ_GET_INFO_BY_FD', { bpfFd: CLOSED }, 'EBADFD', 'fd 900 is not open'],
    [
      'LINK_CREATE',
      { progFd: CLOSED, attachType: BPF_ATTACH_TYPE.LSM_MAC },
      'EBADF',
      'prog_fd 900 is not open',
    ],
  ];
  for (const [command, attr, errno, fact] of closed)
    onLinux(`${command} of a closed descriptor`, (libc) => {
      const refused = refusal(libc, command, attr);
      expect([refused.errno, refused.reason]).toEqual([errno, expect.stringContaining(fact)]);
    });

  onLinux('which kind a descriptor has instead', (libc, scope) => {
    const [mapFd, progFd, plain] = [scope.map(), scope.program(ALLOW), openFile(libc, scope)];
    const key = u32s(0);
    const reason = (given: number): string =>
      refusal(libc, 'MAP_LOOKUP_ELEM', { mapFd: given, key, value: bytes }).reason;
    expect(reason(progFd)).toBe(`Invalid argument; map_fd ${progFd} is no map but a prog`);
    expect(reason(plain)).toBe(`Invalid argument; map_fd ${plain} is no map`);
    expect(refusal(libc, 'PROG_TEST_RUN', { progFd: mapFd }).reason).toContain(
      'is no prog but a map',
    );
    expect(refusal(libc, 'OBJ_GET_INFO_BY_FD', { bpfFd: plain })).toMatchObject({
      errno: 'EINVAL',
      reason: `fd ${plain} is no bpf object`,
    });
  });

  onLinux('nothing beyond the errno where nothing is known', (libc, scope) => {
    const mapFd = scope.map();
    const attr = { mapFd, key: u32s(99), value: bytes };
    expect(refusal(libc, 'MAP_LOOKUP_ELEM', attr)).toEqual({
      ok: false,
      errno: 'ENOENT',
      reason: 'No such file or directory',
    });
  });

  onLinux('what the verifier says of a map in the code that is not open', (libc) => {
    const insns = assemble(`r1 = map[fd:${CLOSED}]\nr0 = 0\nexit`);
    const attr = { progType: BPF_PROG_TYPE.SOCKET_FILTER, insns, license: 'GPL' };
    expect(refusal(libc, 'PROG_LOAD', attr).reason).toBe(
      `fd ${CLOSED} is not pointing to valid bpf_map`,
    );
  });

  onLinux('what an old kernel does not know', (libc) => {
    // A kernel of 6.1 behind the same system calls.
    const old: Executor = {
      syscall(number, ...args) {
        const result = libc.syscall(number, ...args);
        const [first] = args;
        if (number === SYS.uname && first !== null && typeof first === 'object')
          first.bytes.set(new TextEncoder().encode('6.1.0-50-cloud-amd64\0'), 130);
        return number === SYS.bpf ? -22 : result;
      },
    };
    expect(refusal(old, 'TOKEN_CREATE', { bpffsFd: 3 }).reason).toBe(
      'Invalid argument; Linux 6.1.0-50-cloud-amd64 does not know this command, Linux 6.12 does',
    );
    expect(refusal(old, 'OBJ_GET', { pathname: 'x', pathFd: 4 }).reason).toBe(
      'Invalid argument; Linux 6.1.0-50-cloud-amd64 does not know path_fd, Linux 6.12 does',
    );
    expect(refusal(old, 'OBJ_GET', { pathname: 'x' }).reason).toBe('Invalid argument');
  });
});

describe('queries', () => {
  onLinux('of a cgroup that is none', (libc, scope) => {
    const targetFd = scope.map();
    const attachType = BPF_ATTACH_TYPE.CGROUP_INET_INGRESS;
    expect(refusal(libc, 'PROG_QUERY', { targetFd, attachType }).errno).toBe('EBADF');
  });

  onLinux('of a task that has no such descriptor', (libc) => {
    const refused = refusal(libc, 'TASK_FD_QUERY', { pid: process.pid, fd: CLOSED });
    expect(refused.errno).toBe('EBADF');
  });
});

describe('flags', () => {
  onLinux('that a command does not know are refused by the kernel itself', (libc, scope) => {
    expect(
      refusal(libc, 'MAP_CREATE', {
        mapType: 2,
        keySize: 4,
        valueSize: 4,
        maxEntries: 1,
        mapFlags: 1 << 30,
      }).errno,
    ).toBe('EINVAL');
    const progFlags = PROG_LOAD_FLAGS.SLEEPABLE;
    const run = scope.program(ALLOW, { progType: BPF_PROG_TYPE.SYSCALL, progFlags });
    expect(must(libc, 'PROG_TEST_RUN', { progFd: run }).retval).toBe(7);
  });
});
