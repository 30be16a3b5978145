import type { Kernel } from 'krsi/kernel';
import { fileId, policyTests, type Machine } from 'krsi/testing';

const [O_WRONLY, O_RDWR, O_CREAT, O_TRUNC] = [1, 2, 0x40, 0x200];
const FILE = '/etc/policy.conf';
const OTHER = '/etc/other.conf';

async function write(kernel: Kernel, path: string, text: string): Promise<void> {
  const fd = await kernel.self.call('open', path, O_WRONLY | O_CREAT, 0o644);
  await kernel.self.call('write', fd, new TextEncoder().encode(text));
  await kernel.self.call('close', fd);
}

/** Boots with two files, the first of them protected. */
async function protect(boot: () => Promise<Machine>): Promise<Machine> {
  const machine = await boot();
  const { kernel, load } = machine;
  await kernel.self.call('mkdir', '/etc', 0o755);
  await write(kernel, FILE, 'keep');
  await write(kernel, OTHER, 'other');
  const policy = await load('protect_file.bpf.o');
  await policy.map('protected_files').set(await fileId(kernel.self, FILE), 1);
  return machine;
}

export default policyTests((test) => {
  test('a protected file is not removed', async ({ boot }) => {
    const { kernel, expectDenied } = await protect(boot);
    expectDenied(await kernel.self.call('unlink', FILE), {
      errno: 'EPERM',
      by: 'protect_unlink',
      hook: 'inode_unlink',
    });
  });

  test('another file in the same folder is removed', async ({ boot }) => {
    const { kernel, expectAllowed } = await protect(boot);
    expectAllowed(await kernel.self.call('unlink', OTHER));
  });

  test('a protected file is not renamed', async ({ boot }) => {
    const { kernel, expectDenied } = await protect(boot);
    expectDenied(await kernel.self.call('rename', FILE, '/etc/moved'), {
      errno: 'EPERM',
      by: 'protect_rename',
    });
  });

  test('another file is renamed', async ({ boot }) => {
    const { kernel, expectAllowed } = await protect(boot);
    expectAllowed(await kernel.self.call('rename', OTHER, '/etc/moved'));
  });

  test('a protected file is not truncated', async ({ boot }) => {
    const { kernel, expectDenied } = await protect(boot);
    expectDenied(await kernel.self.call('truncate', FILE, 0), {
      errno: 'EPERM',
      by: 'protect_size',
      hook: 'inode_setattr',
    });
  });

  test('a protected file may be read, written and given other permissions', async ({ boot }) => {
    const { kernel, expectAllowed } = await protect(boot);
    const fd = expectAllowed(await kernel.self.call('open', FILE, O_RDWR));
    expectAllowed(await kernel.self.call('read', fd, new Uint8Array(4)));
    expectAllowed(await kernel.self.call('write', fd, Uint8Array.of(33)));
    expectAllowed(await kernel.self.call('chmod', FILE, 0o600));
  });

  test('bypass: rename another file over it', async ({ boot }) => {
    const { kernel, expectDenied } = await protect(boot);
    expectDenied(await kernel.self.call('rename', OTHER, FILE), {
      errno: 'EPERM',
      by: 'protect_rename',
    });
  });

  test('bypass: open it with O_TRUNC', async ({ boot }) => {
    const { kernel, expectDenied } = await protect(boot);
    expectDenied(await kernel.self.call('open', FILE, O_WRONLY | O_TRUNC), {
      errno: 'EPERM',
      by: 'protect_size',
    });
  });

  test('bypass: creat(2) truncates as well', async ({ boot }) => {
    const { kernel, expectDenied } = await protect(boot);
    expectDenied(await kernel.self.call('creat', FILE, 0o644), { by: 'protect_size' });
  });

  test('bypass: ftruncate on a file that is open already', async ({ boot }) => {
    const { kernel, expectAllowed, expectDenied } = await protect(boot);
    const fd = expectAllowed(await kernel.self.call('open', FILE, O_RDWR));
    expectDenied(await kernel.self.call('ftruncate', fd, 0), { errno: 'EPERM' });
  });

  test('bypass: a hard link is the same file', async ({ boot }) => {
    const { kernel, expectAllowed, expectDenied } = await protect(boot);
    expectAllowed(await kernel.self.call('link', FILE, '/etc/alias'));
    expectDenied(await kernel.self.call('unlink', '/etc/alias'), { by: 'protect_unlink' });
    expectDenied(await kernel.self.call('truncate', '/etc/alias', 0), { by: 'protect_size' });
  });

  test('bypass: a symbolic link goes where it points, and may itself be removed', async ({
    boot,
  }) => {
    const { kernel, expectAllowed, expectDenied } = await protect(boot);
    expectAllowed(await kernel.self.call('symlink', FILE, '/etc/pointer'));
    expectDenied(await kernel.self.call('truncate', '/etc/pointer', 0), { by: 'protect_size' });
    expectAllowed(await kernel.self.call('unlink', '/etc/pointer'));
  });

  test('bypass: a path with .. in it', async ({ boot }) => {
    const { kernel, expectDenied } = await protect(boot);
    expectDenied(await kernel.self.call('unlink', '/etc/../etc/./policy.conf'), {
      by: 'protect_unlink',
    });
  });

  test('bypass: a path relative to the folder', async ({ boot }) => {
    const { kernel, expectAllowed, expectDenied } = await protect(boot);
    const task = await kernel.spawn();
    expectAllowed(await task.call('chdir', '/etc'));
    expectDenied(await task.call('unlink', 'policy.conf'), { by: 'protect_unlink' });
  });

  test('a user without rights is stopped before the policy is asked', async ({ boot }) => {
    const { kernel, expectDenied } = await protect(boot);
    const user = await kernel.spawn({ uid: 1000 });
    expectDenied(await user.call('unlink', FILE), { errno: 'EACCES', by: 'dac' });
  });

  test('once it is out of the map, the file is as any other', async ({ boot }) => {
    const { kernel, load, expectAllowed } = await boot();
    await kernel.self.call('mkdir', '/etc', 0o755);
    await write(kernel, FILE, 'keep');
    const policy = await load('protect_file.bpf.o');
    const files = policy.map('protected_files');
    const id = await fileId(kernel.self, FILE);
    await files.set(id, 1);
    await files.delete(id);
    expectAllowed(await kernel.self.call('unlink', FILE));
  });
});
