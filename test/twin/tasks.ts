import { MAP, O, PROT, PTRACE, SIG } from 'krsi/abi';
import type { Task } from 'krsi/kernel';
import { policyTests } from 'krsi/testing';

const PAGE = 4096;
const USER = { uid: 1000, gid: 1000 };
const OTHER = { uid: 2000, gid: 2000 };
const { ATTACH, SEIZE, TRACEME, DETACH } = PTRACE;
const { READ, WRITE, EXEC } = PROT;
const ANONYMOUS = MAP.PRIVATE | MAP.ANONYMOUS;
const text = (content: string): Uint8Array => new TextEncoder().encode(content);

async function script(task: Task, path: string, content: string, mode = 0o755): Promise<void> {
  const fd = await task.call('open', path, O.CREAT | O.WRONLY, mode);
  await task.call('write', fd, text(content));
  await task.call('close', fd);
  await task.call('chmod', path, mode);
}

export default policyTests((test) => {
  test('changing user and group', async ({ boot }) => {
    const { kernel } = await boot();
    for (const options of [
      {},
      USER,
      { ...USER, caps: ['CAP_SETUID'] },
      { ...USER, caps: ['CAP_SETGID'] },
    ]) {
      const task = await kernel.spawn(options);
      await task.call('setgid', 0);
      await task.call('setgid', 1000);
      await task.call('setuid', 1000);
      await task.call('setuid', 0);
      await task.call('setuid', 2000);
      await task.call('setuid', -1);
      await task.call('open', '/etc/shadow', O.RDONLY);
      await task.call('creat', `/tmp/${task === kernel.self ? 's' : 't'}`, 0o644);
    }
  });

  test('signals', async ({ boot }) => {
    const { kernel } = await boot();
    const root = await kernel.spawn();
    const user = await kernel.spawn(USER);
    const same = await kernel.spawn(USER);
    const other = await kernel.spawn(OTHER);
    const capable = await kernel.spawn({ ...OTHER, caps: ['CAP_KILL'] });
    for (const target of [root, same, other])
      for (const from of [user, other, capable, root]) await from.call('kill', target.pid, 0);
    await user.call('kill', same.pid, 65);
    await user.call('kill', same.pid, -1);
    await user.call('kill', 0x3fff_ffff, 0);
    await other.call('kill', same.pid, SIG.KILL);
    await user.call('kill', same.pid, SIG.KILL);
    await user.call('kill', same.pid, 0);
  });

  test('tracing', async ({ boot }) => {
    const { kernel } = await boot();
    const root = await kernel.spawn();
    const user = await kernel.spawn(USER);
    const capable = await kernel.spawn({ ...OTHER, caps: ['CAP_SYS_PTRACE'] });
    const targets = [await kernel.spawn(), await kernel.spawn(USER), await kernel.spawn(OTHER)];
    for (const from of [user, capable, root])
      for (const target of targets) {
        await from.call('ptrace', SEIZE, target.pid);
        await from.call('ptrace', SEIZE, target.pid);
      }
    await user.call('ptrace', ATTACH, user.pid);
    await user.call('ptrace', ATTACH, 0x3fff_ffff);
    await user.call('ptrace', 0x7777, targets[1]?.pid ?? 0);
    await user.call('ptrace', DETACH, targets[1]?.pid ?? 0);
  });

  test('asking to be traced', async ({ boot }) => {
    const { kernel } = await boot();
    const task = await kernel.spawn();
    await task.call('ptrace', TRACEME, 0);
    await task.call('ptrace', TRACEME, 0);
    const user = await kernel.spawn(USER);
    await user.call('ptrace', TRACEME, 0);
  });

  test('a process that a user may not read cannot be traced by it', async ({ boot }) => {
    const { kernel } = await boot();
    await kernel.self.call('chmod', '/usr/bin/id', 0o711);
    const hidden = await kernel.spawn(USER);
    const tracer = await kernel.spawn(USER);
    await hidden.call('execve', '/usr/bin/id', ['id'], []);
    await tracer.call('ptrace', SEIZE, hidden.pid);
    await hidden.call('execve', '/usr/bin/cat', ['cat'], []);
    await tracer.call('ptrace', SEIZE, hidden.pid);
  });

  test('what can be executed', async ({ boot }) => {
    const { kernel } = await boot();
    const { self } = kernel;
    await script(self, '/tmp/script', '#!/bin/sh -e\n');
    await script(self, '/tmp/nested', '#!/tmp/script\n');
    await script(self, '/tmp/nowhere', '#!/no/shell\n');
    await script(self, '/tmp/empty-line', '#!\n');
    await script(self, '/tmp/text', 'hello\n');
    await script(self, '/tmp/empty', '');
    await script(self, '/tmp/not-executable', '#!/bin/sh\n', 0o644);
    await script(self, '/tmp/elf', '\x7fELF');
    await script(self, '/tmp/private', '#!/bin/sh\n', 0o700);
    const paths = [
      '/bin/true',
      '/tmp/script',
      '/tmp/nested',
      '/tmp/nowhere',
      '/tmp/empty-line',
      '/tmp/text',
      '/tmp/empty',
      '/tmp/not-executable',
      '/tmp/elf',
      '/tmp/private',
      '/tmp',
      '/dev/null',
      '/bin/su',
    ];
    for (const options of [{}, USER])
      for (const path of paths) {
        const task = await kernel.spawn(options);
        await task.call('execve', path, ['x', 'y'], ['A=1']);
        await task.exit(0);
      }
  });

  test('a setuid program gives its owner’s rights', async ({ boot }) => {
    const { kernel } = await boot();
    const task = await kernel.spawn(USER);
    await task.call('open', '/etc/shadow', O.RDONLY);
    await task.call('execve', '/bin/su', ['su'], []);
    await task.call('open', '/etc/shadow', O.RDONLY);
    await task.call('setuid', 1000);
    await task.call('open', '/etc/shadow', O.RDONLY);
  });

  test('exec closes what is marked so', async ({ boot }) => {
    const { kernel } = await boot();
    const task = await kernel.spawn();
    const kept = await task.call('open', '/etc/passwd', O.RDONLY);
    const closed = await task.call('open', '/etc/hosts', O.RDONLY | O.CLOEXEC);
    const copy = await task.call('dup', closed);
    await task.call('execve', '/bin/true', ['true'], []);
    for (const fd of [kept, closed, copy]) await task.call('read', fd, new Uint8Array(4));
    await task.call('execve', '/nothing', ['x'], []);
    await task.call('read', kept, new Uint8Array(4));
  });

  test('a fork shares open files and not memory', async ({ boot }) => {
    const { kernel } = await boot();
    const parent = await kernel.spawn();
    const fd = await parent.call('open', '/etc/passwd', O.RDONLY);
    const child = await parent.fork();
    if ('errno' in child) return;
    await child.call('getpid');
    await child.call('read', fd, new Uint8Array(4));
    await parent.call('read', fd, new Uint8Array(4));
    await child.call('close', fd);
    await parent.call('read', fd, new Uint8Array(4));
    await child.call('chdir', '/etc');
    await parent.call('stat', 'passwd', new Uint8Array(144));
    await child.call('stat', 'passwd', new Uint8Array(144));
    await parent.exit(3);
    await child.call('kill', parent.pid, 0);
  });

  test('mapping memory', async ({ boot }) => {
    const { kernel } = await boot();
    const task = await kernel.spawn();
    const rw = await task.call('open', '/tmp/f', O.CREAT | O.RDWR, 0o644);
    await task.call('ftruncate', rw, 2 * PAGE);
    const ro = await task.call('open', '/tmp/f', O.RDONLY);
    const wo = await task.call('open', '/tmp/f', O.WRONLY);
    const path = await task.call('open', '/tmp/f', O.PATH);
    const dir = await task.call('open', '/tmp', O.RDONLY);
    const device = await task.call('open', '/dev/null', O.RDWR);
    for (const fd of [rw, ro, wo, path, dir, device, 99])
      for (const flags of [MAP.PRIVATE, MAP.SHARED, MAP.PRIVATE | MAP.SHARED, 0])
        for (const prot of [READ, READ | WRITE, EXEC])
          await task.call('mmap', 0, PAGE, prot, flags, fd, 0);
    for (const [length, offset] of [
      [0, 0],
      [1, 0],
      [PAGE, 1],
      [PAGE, PAGE],
      [PAGE, 100 * PAGE],
      [-1, 0],
    ] as const)
      await task.call('mmap', 0, length, READ, MAP.PRIVATE, ro, offset);
  });

  test('changing and removing memory', async ({ boot }) => {
    const { kernel } = await boot();
    const task = await kernel.spawn();
    const at = await task.call('mmap', 0, 8 * PAGE, READ | WRITE, ANONYMOUS, -1, 0);
    for (const prot of [0, READ, WRITE, EXEC, READ | EXEC, READ | WRITE | EXEC, 0x10, 0x0100_0000])
      await task.call('mprotect', at, PAGE, prot);
    await task.call('mprotect', at + 1, PAGE, READ);
    await task.call('mprotect', at, 0, READ);
    await task.call('mprotect', at + 2 * PAGE, PAGE + 1, READ);
    await task.call('munmap', at + 4 * PAGE, PAGE);
    await task.call('mprotect', at + 3 * PAGE, 3 * PAGE, READ);
    await task.call('mprotect', at + 4 * PAGE, PAGE, READ);
    await task.call('munmap', at + 4 * PAGE, PAGE);
    await task.call('munmap', at + 1, PAGE);
    await task.call('munmap', at, 0);
    await task.call('mmap', at, PAGE, READ, ANONYMOUS | MAP.FIXED, -1, 0);
    await task.call('mmap', at + 1, PAGE, READ, ANONYMOUS | MAP.FIXED, -1, 0);
    await task.call('mmap', at, PAGE, READ, ANONYMOUS | MAP.FIXED_NOREPLACE, -1, 0);
    await task.call('mmap', at + 4 * PAGE, PAGE, READ, ANONYMOUS | MAP.FIXED_NOREPLACE, -1, 0);
    const ro = await task.call('open', '/etc/passwd', O.RDONLY);
    const shared = await task.call('mmap', 0, PAGE, READ, MAP.SHARED, ro, 0);
    await task.call('mprotect', shared, PAGE, READ | WRITE);
    const owned = await task.call('mmap', 0, PAGE, READ, MAP.PRIVATE, ro, 0);
    await task.call('mprotect', owned, PAGE, READ | WRITE);
    await task.call('mprotect', owned, PAGE, READ | EXEC);
  });

  test('low addresses', async ({ boot }) => {
    const { kernel } = await boot();
    for (const options of [{}, USER]) {
      const task = await kernel.spawn(options);
      for (const address of [0, PAGE, 16 * PAGE])
        await task.call('mmap', address, PAGE, READ, ANONYMOUS | MAP.FIXED, -1, 0);
    }
  });

  test('the heap', async ({ boot }) => {
    const { kernel } = await boot();
    const task = await kernel.spawn();
    await task.call('execve', '/bin/true', ['true'], []);
    const end = await task.call('brk', 0);
    await task.call('brk', end + 100);
    await task.call('brk', end + 3 * PAGE);
    await task.call('mprotect', end, PAGE, READ);
    await task.call('mprotect', end, 3 * PAGE, READ | EXEC);
    await task.call('mprotect', end, 4 * PAGE, READ);
    await task.call('brk', end + PAGE);
    await task.call('mprotect', end + PAGE, PAGE, READ);
    await task.call('brk', end - PAGE);
    await task.call('brk', end);
    await task.call('mprotect', end, PAGE, READ);
  });
});
