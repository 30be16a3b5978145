import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { errnoName, MAP, O, PROT, PTRACE, S, SIG } from '../abi/index.ts';
import type { Task, TaskOptions } from '../kernel/kernel.ts';
import { ROOT_TREE } from '../kernel/root-tree.ts';
import { LinuxUnavailableError } from './libc.ts';
import { type Machine, openMachine } from './machine.ts';
import { onLinux } from './testdata/host.ts';

const STAT_SIZE = 144;
const PAGE = 4096;
const [AF_INET, SOCK_STREAM] = [2, 1];

function onMachine(name: string, run: (machine: Machine) => Promise<void>): void {
  onLinux(name, async () => {
    const machine = await openMachine();
    try {
      await run(machine);
    } finally {
      await machine.close();
    }
  });
}

/** Results as people read them: `EACCES` rather than -13. */
const named = (result: number): number | string => (result < 0 ? errnoName(-result) : result);

async function stat(task: Task, path: string): Promise<{ mode: number; uid: number; gid: number }> {
  const bytes = new Uint8Array(STAT_SIZE);
  expect(named(await task.call('stat', path, bytes)), path).toBe(0);
  const view = new DataView(bytes.buffer);
  return {
    mode: view.getUint32(24, true),
    uid: view.getUint32(28, true),
    gid: view.getUint32(32, true),
  };
}

async function fork(task: Task): Promise<Task> {
  const child = await task.fork();
  if ('errno' in child) throw new Error(`fork: ${errnoName(child.errno)}`);
  return child;
}

const mounts = (): string => readFileSync('/proc/self/mountinfo', 'latin1');

/** A line of /proc/PID/status. */
function statusOf(pid: number, field: string): string {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return new RegExp(`^${field}:\\t(.*)$`, 'm').exec(status)?.[1]?.trim() ?? '';
}

describe('a machine on the real kernel', () => {
  it('is for root', async () => {
    const user = vi.spyOn(process, 'geteuid').mockReturnValue(1000);
    await expect(openMachine()).rejects.toThrow(LinuxUnavailableError);
    user.mockRestore();
  });

  onMachine('has the root that the simulated kernel has', async ({ self }) => {
    for (const [path, { mode, uid = 0, gid = 0, text }] of Object.entries(ROOT_TREE)) {
      if ((mode & S.IFMT) === S.IFLNK) continue;
      expect(await stat(self, path), path).toEqual({ mode, uid, gid });
      if (text === undefined) continue;
      const fd = await self.call('open', path, O.RDONLY);
      const content = new Uint8Array(text.length);
      await self.call('read', fd, content);
      expect(new TextDecoder().decode(content)).toBe(text);
      await self.call('close', fd);
    }
    expect((await stat(self, '/')).mode).toBe(S.IFDIR | 0o755);
    expect(await stat(self, '/bin/sh')).toEqual(await stat(self, '/usr/bin/sh'));
  });

  onMachine('shares no file with this process, nor with another machine', async ({ self }) => {
    const other = await openMachine();
    try {
      const path = '/tmp/krsi-only-here';
      await self.call('creat', path, 0o644);
      expect(named(await other.self.call('access', path, 0))).toBe('ENOENT');
      expect(existsSync(path)).toBe(false);
    } finally {
      await other.close();
    }
  });

  onLinux('leaves nothing behind', async () => {
    const before = mounts();
    const machine = await openMachine();
    const task = await machine.spawn();
    expect(mounts()).toBe(before);
    await machine.close();
    expect([machine.self.pid, task.pid].map((pid) => existsSync(`/proc/${pid}`))).toEqual([
      false,
      false,
    ]);
    expect(await task.call('getpid')).toBe(-3);
  });
});

describe('a new task', () => {
  const rows: readonly (readonly [TaskOptions, Readonly<Record<string, string>>])[] = [
    [{}, { Name: 'systemd', Uid: '0\t0\t0\t0', Gid: '0\t0\t0\t0', Groups: '' }],
    [{ comm: 'worker' }, { Name: 'worker', Uid: '0\t0\t0\t0' }],
    [
      { uid: 1000 },
      { Uid: '1000\t1000\t1000\t1000', Gid: '1000\t1000\t1000\t1000', CapPrm: '0'.repeat(16) },
    ],
    [
      { uid: 1000, gid: 5 },
      { Gid: '5\t5\t5\t5', Groups: '' },
    ],
    [
      { uid: 1000, caps: ['CAP_CHOWN', 'CAP_SYSLOG'] },
      { Uid: '1000\t1000\t1000\t1000', CapEff: '0000000400000001', CapInh: '0'.repeat(16) },
    ],
    [{ caps: [] }, { Uid: '0\t0\t0\t0', CapEff: '0'.repeat(16), CapPrm: '0'.repeat(16) }],
  ];
  for (const [options, expected] of rows)
    onMachine(`made with ${JSON.stringify(options)}`, async (machine) => {
      const { pid } = await machine.spawn(options);
      const found = Object.keys(expected).map((field) => [field, statusOf(pid, field)]);
      expect(Object.fromEntries(found)).toEqual(expected);
      expect(statusOf(pid, 'PPid')).toBe(`${machine.self.pid}`);
    });

  onMachine('has all capabilities of its first task as root', async (machine) => {
    const { pid } = await machine.spawn();
    expect(statusOf(pid, 'CapEff')).toBe(statusOf(machine.self.pid, 'CapEff'));
  });

  onMachine('has no file open, as its first task has none', async (machine) => {
    expect(await machine.self.call('open', '/etc/passwd', O.RDONLY)).toBe(0);
    const task = await machine.spawn();
    expect(named(await task.call('close', 0))).toBe('EBADF');
  });

  onMachine('cannot have a capability that is unknown', async (machine) => {
    await expect(machine.spawn({ caps: ['CAP_FLY'] })).rejects.toThrow('CAP_FLY is unknown');
  });
});

describe('system calls', () => {
  onMachine('of files obey permissions', async (machine) => {
    const user = await machine.spawn({ uid: 1000 });
    expect(named(await user.call('open', '/etc/shadow', O.RDONLY))).toBe('EACCES');
    expect(named(await user.call('unlink', '/etc/passwd'))).toBe('EACCES');
    expect(named(await user.call('chown', '/home/user', 0, 0))).toBe('EPERM');
    expect(await user.call('chdir', '/home/user')).toBe(0);
    expect(await user.call('mkdir', 'a', 0o777)).toBe(0);
    expect((await stat(user, '/home/user/a')).mode).toBe(S.IFDIR | 0o755);
    expect(await user.call('rename', 'a', 'b')).toBe(0);
    expect(await user.call('symlink', '/home/user/b', 'c')).toBe(0);
    expect((await stat(user, 'c')).mode & S.IFMT).toBe(S.IFDIR);
    expect(await user.call('rmdir', 'b')).toBe(0);
  });

  onMachine('of files write and read what the caller gave', async ({ self }) => {
    const fd = await self.call('open', '/tmp/f', O.RDWR | O.CREAT, 0o600);
    expect(await self.call('write', fd, new TextEncoder().encode('hello'))).toBe(5);
    expect(await self.call('ftruncate', fd, 3)).toBe(0);
    const copy = await self.call('open', '/tmp/f', O.RDONLY);
    const bytes = new Uint8Array(8);
    expect(await self.call('read', copy, bytes)).toBe(3);
    expect(new TextDecoder().decode(bytes.subarray(0, 3))).toBe('hel');
    expect(await self.call('link', '/tmp/f', '/tmp/g')).toBe(0);
    expect(await self.call('dup', copy)).toBe(copy + 1);
  });

  onMachine('of memory give addresses', async ({ self }) => {
    const at = await self.call(
      'mmap',
      0,
      PAGE,
      PROT.READ | PROT.WRITE,
      MAP.PRIVATE | MAP.ANONYMOUS,
      -1,
      0,
    );
    expect(at % PAGE).toBe(0);
    expect(await self.call('mprotect', at, PAGE, PROT.READ)).toBe(0);
    expect(await self.call('munmap', at, PAGE)).toBe(0);
    expect(named(await self.call('mprotect', at, PAGE, PROT.READ))).toBe('ENOMEM');
    const heap = await self.call('brk', 0);
    expect(await self.call('brk', heap + PAGE)).toBe(heap + PAGE);
  });

  onMachine('of sockets take addresses', async ({ self }) => {
    const server = await self.call('socket', AF_INET, SOCK_STREAM, 0);
    const any = { family: 'AF_INET', address: '127.0.0.1', port: 0 } as const;
    expect(await self.call('bind', server, any)).toBe(0);
    expect(await self.call('listen', server, 1)).toBe(0);
    expect(named(await self.call('bind', server, any))).toBe('EINVAL');
    const client = await self.call('socket', AF_INET, SOCK_STREAM, 0);
    const closed = { ...any, port: 1 };
    expect(named(await self.call('connect', client, closed))).toBe('ECONNREFUSED');
    await expect(self.call('bind', client, { ...any, address: 'here' })).rejects.toThrow(TypeError);
  });

  onMachine('of execve run the program of that name', async (machine) => {
    const task = await machine.spawn({ uid: 1000, comm: 'sh' });
    expect(named(await task.call('execve', '/etc/passwd', [], []))).toBe('EACCES');
    expect(named(await task.call('execve', '/bin/nothing', [], []))).toBe('ENOENT');
    expect(statusOf(task.pid, 'Name')).toBe('sh');
    expect(await task.call('execve', '/bin/cat', ['my cat', '-v'], ['HOME=/'])).toBe(0);
    expect(statusOf(task.pid, 'Name')).toBe('cat');
    expect(readFileSync(`/proc/${task.pid}/cmdline`, 'latin1')).toBe('my cat\0-v\0');
    expect(readFileSync(`/proc/${task.pid}/environ`, 'latin1')).toBe('HOME=/\0');
    expect(await task.call('execve', '/bin/su', ['su'], [])).toBe(0);
    expect(statusOf(task.pid, 'Uid')).toBe('1000\t0\t0\t0');
  });

  onMachine('of kill return when the target is gone', async (machine) => {
    const victim = await machine.spawn();
    const killer = await machine.spawn();
    const user = await machine.spawn({ uid: 1000 });
    expect(named(await user.call('kill', victim.pid, SIG.KILL))).toBe('EPERM');
    expect(await killer.call('kill', victim.pid, SIG.CHLD)).toBe(0);
    expect(await victim.call('getpid')).toBe(victim.pid);
    expect(await killer.call('kill', victim.pid, SIG.TERM)).toBe(0);
    expect(named(await killer.call('kill', victim.pid, 0))).toBe('ESRCH');
    expect(named(await victim.call('getpid'))).toBe('ESRCH');
    expect(await killer.call('kill', killer.pid, SIG.KILL)).toBe(0);
    expect(named(await killer.call('getpid'))).toBe('ESRCH');
  });

  onMachine('of kill do not reach for the whole computer', async ({ self }) => {
    await expect(self.call('kill', -1, SIG.KILL)).rejects.toThrow(TypeError);
  });

  onMachine('of ptrace meet a target that has stopped', async (machine) => {
    const target = await machine.spawn();
    const tracer = await machine.spawn();
    for (let i = 0; i < 20; i++) {
      expect(await tracer.call('ptrace', PTRACE.ATTACH, target.pid)).toBe(0);
      expect(await tracer.call('ptrace', PTRACE.DETACH, target.pid)).toBe(0);
    }
    expect(await target.call('getpid')).toBe(target.pid);
  });

  onMachine('of exit end the task, not its children', async (machine) => {
    const parent = await machine.spawn();
    const child = await fork(parent);
    await parent.exit(3);
    expect(named(await parent.call('getpid'))).toBe('ESRCH');
    expect(statusOf(child.pid, 'PPid')).toBe(`${machine.self.pid}`);
    expect(await child.call('getpid')).toBe(child.pid);
  });
});
