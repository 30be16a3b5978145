import { O } from 'krsi/abi';
import type { Task } from 'krsi/kernel';
import { policyTests, type TestContext, type TestFunction } from 'krsi/testing';

/** Steps of a task of root and of one of a user, each on a fresh kernel. */
type Steps = (task: Task) => Promise<void>;

const USER = { uid: 1000, gid: 1000 };
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const stat = (task: Task, path: string): Promise<number> =>
  task.call('stat', path, new Uint8Array(144));

/** Paths that lead nowhere, each in its own way. */
const NOWHERE = [
  '',
  '/nothing',
  '/nothing/deeper',
  '/etc/passwd/deeper',
  '/etc/passwd/',
  '/loop',
  '/loop/x',
  `/tmp/${'x'.repeat(256)}`,
  `/${'x/'.repeat(2100)}`,
  '/dangling',
  '/root/x',
];

async function makeLinks(self: Task): Promise<void> {
  await self.call('symlink', '/loop', '/loop');
  await self.call('symlink', '/nothing', '/dangling');
  await self.call('symlink', '/etc', '/to-etc');
}

function both(test: TestFunction, name: string, steps: Steps): void {
  const run = async ({ boot }: TestContext, as: 'root' | 'user'): Promise<void> => {
    const { kernel } = await boot();
    await makeLinks(kernel.self);
    await steps(await kernel.spawn(as === 'user' ? USER : {}));
  };
  test(`${name}, by root`, (context) => run(context, 'root'));
  test(`${name}, by a user`, (context) => run(context, 'user'));
}

export default policyTests((test) => {
  both(test, 'paths that lead nowhere', async (task) => {
    for (const path of NOWHERE) {
      await stat(task, path);
      await task.call('open', path, O.RDONLY);
      await task.call('unlink', path);
      await task.call('rmdir', path);
      await task.call('chmod', path, 0o600);
      await task.call('chown', path, 0, 0);
      await task.call('truncate', path, 0);
      await task.call('access', path, 0);
      await task.call('chdir', path);
      await task.call('mkdir', path, 0o755);
      await task.call('rename', path, '/tmp/r');
      await task.call('link', path, '/tmp/l');
      await task.call('execve', path, ['x'], []);
    }
  });

  both(test, 'names that exist', async (task) => {
    for (const path of [
      '/',
      '/etc',
      '/etc/passwd',
      '/to-etc',
      '/to-etc/passwd',
      '/tmp',
      '/tmp/..',
      '/dangling',
    ]) {
      await task.call('mkdir', path, 0o755);
      await task.call('symlink', 'x', path);
      await task.call('link', '/etc/passwd', path);
      await task.call('open', path, O.CREAT | O.EXCL, 0o644);
      await task.call('rename', '/etc/hosts', path);
    }
  });

  both(test, 'flags of open', async (task) => {
    const paths = ['/etc/passwd', '/etc', '/to-etc', '/tmp/new', '/dev/null', '/etc/shadow'];
    const flags = [
      O.RDONLY,
      O.WRONLY,
      O.RDWR,
      O.ACCMODE,
      O.RDONLY | O.DIRECTORY,
      O.RDONLY | O.NOFOLLOW,
      O.PATH,
      O.PATH | O.NOFOLLOW,
      O.RDONLY | O.CREAT,
      O.RDONLY | O.CREAT | O.DIRECTORY,
      O.WRONLY | O.TRUNC,
      O.RDONLY | O.TRUNC,
      O.WRONLY | O.APPEND,
      O.RDONLY | O.NOATIME,
      O.RDONLY | O.CLOEXEC,
    ];
    for (const path of paths)
      for (const flag of flags) {
        const fd = await task.call('open', path, flag, 0o640);
        if (fd >= 0) await task.call('close', fd);
      }
    await stat(task, '/tmp/new');
  });

  both(test, 'reading and writing', async (task) => {
    const fd = await task.call('open', '/tmp/f', O.CREAT | O.RDWR, 0o600);
    await task.call('write', fd, bytes('hello world'));
    await task.call('read', fd, new Uint8Array(4));
    await task.call('ftruncate', fd, 5);
    await stat(task, '/tmp/f');
    const again = await task.call('open', '/tmp/f', O.RDONLY);
    await task.call('read', again, new Uint8Array(3));
    await task.call('read', again, new Uint8Array(10));
    await task.call('read', again, new Uint8Array(10));
    await task.call('read', again, new Uint8Array(0));
    await task.call('write', again, bytes('x'));
    await task.call('ftruncate', again, 0);
    await task.call('ftruncate', fd, -1);
    await task.call('truncate', '/tmp/f', -1);
    await task.call('truncate', '/tmp/f', 100);
    await stat(task, '/tmp/f');
    const append = await task.call('open', '/tmp/f', O.WRONLY | O.APPEND);
    await task.call('write', append, bytes('end'));
    await task.call('read', append, new Uint8Array(3));
    await stat(task, '/tmp/f');
    const path = await task.call('open', '/tmp/f', O.PATH);
    await task.call('read', path, new Uint8Array(3));
    await task.call('write', path, bytes('x'));
    await task.call('ftruncate', path, 0);
    const dir = await task.call('open', '/tmp', O.RDONLY);
    await task.call('read', dir, new Uint8Array(3));
    await task.call('write', dir, bytes('x'));
    const device = await task.call('open', '/dev/null', O.RDWR);
    await task.call('read', device, new Uint8Array(3));
    await task.call('write', device, bytes('abc'));
    await task.call('ftruncate', device, 0);
    for (const closed of [fd, fd, 99, -1]) await task.call('close', closed);
    await task.call('read', 99, new Uint8Array(1));
    await task.call('write', 99, bytes('x'));
    await task.call('dup', 99);
    const copy = await task.call('dup', again);
    await task.call('close', again);
    await task.call('read', copy, new Uint8Array(1));
  });

  both(test, 'making and removing', async (task) => {
    await task.call('mkdir', '/tmp/d', 0o755);
    await task.call('mkdir', '/tmp/d/e', 0o700);
    await task.call('rmdir', '/tmp/d');
    await task.call('unlink', '/tmp/d');
    await task.call('rmdir', '/tmp/d/.');
    await task.call('rmdir', '/tmp/d/e/..');
    await task.call('rmdir', '/');
    await task.call('creat', '/tmp/d/f', 0o644);
    await task.call('rmdir', '/tmp/d/f');
    await task.call('link', '/tmp/d/f', '/tmp/d/g');
    await stat(task, '/tmp/d/f');
    await stat(task, '/tmp/d/g');
    await task.call('unlink', '/tmp/d/f');
    await stat(task, '/tmp/d/g');
    await task.call('link', '/tmp/d', '/tmp/hard');
    await task.call('symlink', '', '/tmp/empty');
    await task.call('symlink', 'g', '/tmp/d/s');
    await stat(task, '/tmp/d/s');
    await task.call('link', '/tmp/d/s', '/tmp/d/t');
    await task.call('unlink', '/tmp/d/s');
    await task.call('unlink', '/tmp/d/t');
    await task.call('unlink', '/tmp/d/g');
    await task.call('rmdir', '/tmp/d/e');
    await task.call('rmdir', '/tmp/d');
    await task.call('mkdir', '/etc/mine', 0o755);
    await task.call('unlink', '/etc/hosts');
  });

  both(test, 'renaming', async (task) => {
    await task.call('mkdir', '/tmp/a', 0o755);
    await task.call('mkdir', '/tmp/b', 0o755);
    await task.call('creat', '/tmp/a/f', 0o644);
    await task.call('creat', '/tmp/b/g', 0o644);
    for (const [from, to] of [
      ['/tmp/a', '/tmp/a/in'],
      ['/tmp/a', '/tmp/b'],
      ['/tmp/a', '/tmp/b/g'],
      ['/tmp/b/g', '/tmp/a'],
      ['/tmp/a/f', '/tmp/a/f'],
      ['/tmp/a/f', '/tmp/b/g'],
      ['/tmp/a', '/tmp/b/a'],
      ['/tmp/b/a/.', '/tmp/x'],
      ['/tmp/b', '/'],
      ['/', '/tmp/root'],
      ['/etc/passwd', '/tmp/stolen'],
      ['/tmp/b/g', '/etc/planted'],
      ['/tmp/b', '/tmp/c'],
    ] as const)
      await task.call('rename', from, to);
    for (const path of ['/tmp/a', '/tmp/c/a', '/tmp/c/g', '/tmp/stolen', '/etc/planted'])
      await stat(task, path);
  });

  both(test, 'modes and owners', async (task) => {
    await task.call('creat', '/tmp/f', 0o666);
    await stat(task, '/tmp/f');
    for (const mode of [0, 0o777, 0o4755, 0o2755, 0o1644, 0o170777]) {
      await task.call('chmod', '/tmp/f', mode);
      await stat(task, '/tmp/f');
      await task.call('access', '/tmp/f', 7);
    }
    await task.call('chmod', '/tmp/f', 0o6755);
    await task.call('chown', '/tmp/f', -1, 1000);
    await stat(task, '/tmp/f');
    await task.call('chown', '/tmp/f', 1000, 1000);
    await task.call('chown', '/tmp/f', 0, 0);
    await task.call('chown', '/tmp/f', 5, -1);
    await stat(task, '/tmp/f');
    for (const path of ['/etc/passwd', '/etc/shadow', '/root', '/home/user', '/dev/null']) {
      for (const mode of [0, 1, 2, 4, 6, 8]) await task.call('access', path, mode);
      await task.call('chmod', path, 0o755);
    }
    for (const path of ['/', '/root', '/home/user', '/etc/passwd']) await task.call('chdir', path);
    await stat(task, '.');
    await stat(task, '..');
  });

  test('the sticky bit protects files of others', async ({ boot }) => {
    const { kernel } = await boot();
    const owner = await kernel.spawn(USER);
    const other = await kernel.spawn({ uid: 2000, gid: 2000 });
    const capable = await kernel.spawn({ uid: 2000, gid: 2000, caps: ['CAP_FOWNER'] });
    await owner.call('creat', '/tmp/f', 0o666);
    await other.call('unlink', '/tmp/f');
    await other.call('rename', '/tmp/f', '/tmp/g');
    await other.call('link', '/tmp/f', '/tmp/h');
    await other.call('chmod', '/tmp/f', 0o600);
    await capable.call('chmod', '/tmp/f', 0o644);
    await capable.call('chown', '/tmp/f', 2000, 2000);
    await capable.call('unlink', '/tmp/f');
  });

  test('each capability opens its own door', async ({ boot }) => {
    const { kernel } = await boot();
    await kernel.self.call('creat', '/tmp/secret', 0o600);
    for (const cap of [
      'CAP_DAC_OVERRIDE',
      'CAP_DAC_READ_SEARCH',
      'CAP_FOWNER',
      'CAP_CHOWN',
      'CAP_FSETID',
      'CAP_SYS_ADMIN',
    ]) {
      const task = await kernel.spawn({ ...USER, caps: [cap] });
      await task.call('open', '/tmp/secret', O.RDONLY);
      await task.call('open', '/tmp/secret', O.WRONLY);
      await task.call('open', '/root/x', O.RDONLY);
      await task.call('chmod', '/tmp/secret', 0o600);
      await task.call('chown', '/tmp/secret', 0, 0);
      await task.call('mkdir', `/etc/${cap}`, 0o755);
      await task.call('execve', '/tmp/secret', ['x'], []);
    }
  });
});
