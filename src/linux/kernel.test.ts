import { release } from 'node:os';
import { describe, expect, it } from 'vitest';
import { BPF_MAP_TYPE, ERRNO, O } from '../abi/index.ts';
import { openLinux } from './kernel.ts';
import { onLinux } from './testdata/host.ts';

describe('the kernel that this runs on', () => {
  onLinux('tells what it is', async () => {
    const kernel = await openLinux();
    expect(kernel.release).toBe(release());
    expect(kernel.possibleCpus).toBeGreaterThan(0);
    expect(kernel.self.pid).toBe(process.pid);
    expect(kernel.decisions()).toBeUndefined();
    expect(await kernel.config('CONFIG_NO_SUCH')).toBeUndefined();
  });

  onLinux('makes calls of this process', async () => {
    const { self } = await openLinux();
    expect(await self.call('getpid')).toBe(process.pid);
    expect(await self.call('open', '/nowhere/at/all', O.RDONLY)).toBe(-ERRNO.ENOENT);
    const fd = await self.call('open', '/etc/passwd', O.RDONLY | O.CLOEXEC);
    const bytes = new Uint8Array(4);
    expect(await self.call('read', fd, bytes)).toBe(4);
    expect(new TextDecoder().decode(bytes)).toBe('root');
    expect(await self.call('close', fd)).toBe(0);
    expect(await self.call('close', fd)).toBe(-ERRNO.EBADF);
  });

  onLinux('reads ring buffers', async () => {
    const { self } = await openLinux();
    const ring = { mapType: BPF_MAP_TYPE.RINGBUF, keySize: 0, valueSize: 0, maxEntries: 4096 };
    const map = await self.bpf('MAP_CREATE', ring);
    if (!map.ok) throw new Error(map.reason);
    const buffer = await self.ringbuf(map.value);
    if (!buffer.ok) throw new Error(buffer.reason);
    expect(await buffer.value.wait(1)).toBe(false);
    await buffer.value.close();
    await self.call('close', map.value);
    expect(await self.ringbuf(map.value)).toMatchObject({ ok: false, errno: ERRNO.EBADFD });
  });

  onLinux('lets tasks of other users be refused', async () => {
    const task = await (await openLinux()).spawn({ uid: 1000 });
    const map = { mapType: BPF_MAP_TYPE.LPM_TRIE, keySize: 8, valueSize: 4, maxEntries: 1 };
    expect(await task.bpf('MAP_CREATE', { ...map, mapFlags: 1 })).toEqual({
      ok: false,
      errno: ERRNO.EPERM,
      reason: 'Operation not permitted',
    });
    expect(await task.bpf('MAP_GET_NEXT_ID', { startId: 0 })).toMatchObject({ errno: ERRNO.EPERM });
    await task.exit();
    expect(await task.bpf('MAP_GET_NEXT_ID', { startId: 0 })).toMatchObject({ errno: ERRNO.ESRCH });
  });

  it('is reached on Linux only, and says so elsewhere', async () => {
    const { platform } = process;
    Object.defineProperty(process, 'platform', { value: 'darwin' });
    try {
      await expect(openLinux()).rejects.toMatchObject({
        name: 'LinuxUnavailableError',
        message: `the real kernel needs Linux on x86-64; this is darwin ${process.arch}`,
      });
    } finally {
      Object.defineProperty(process, 'platform', { value: platform });
    }
  });
});
