import { describe, expect, it } from 'vitest';
import { BPF_MAP_TYPE, ERRNO, O } from '../abi/index.ts';
import { readBtf } from '../btf/index.ts';
import { shippedBtf, shippedConfig, shippedKernels } from '../node/shipped.ts';
import { parseKernelConfig } from '../node/kernel-config.ts';
import { asKernel } from './adapter.ts';
import { bootKernel } from './kernel.ts';

const kernels = shippedKernels().map((kernel) => ({
  release: kernel.release,
  btf: readBtf(shippedBtf(kernel), { file: kernel.release }),
  config: parseKernelConfig(shippedConfig(kernel)),
}));

describe.each(kernels)('the simulated $release as a Kernel', (options) => {
  const boot = (): { sim: ReturnType<typeof bootKernel>; kernel: ReturnType<typeof asKernel> } => {
    const sim = bootKernel(options);
    return { sim, kernel: asKernel(sim) };
  };

  it('tells what it is', async () => {
    const { kernel } = boot();
    expect([kernel.release, kernel.self.pid]).toEqual([options.release, 1]);
    expect(await kernel.config('CONFIG_BPF_LSM')).toBe('y');
    expect(await kernel.config('CONFIG_NO_SUCH')).toBeUndefined();
    expect(await kernel.btf()).toBe(options.btf.bytes);
  });

  it('names a system call that it lacks', async () => {
    const { kernel } = boot();
    const name: string = 'frobnicate';
    await expect(kernel.self.call(name as 'getpid')).rejects.toThrow(
      "the simulated kernel has no system call 'frobnicate'",
    );
  });

  it('spawns, forks and ends tasks', async () => {
    const { sim, kernel } = boot();
    const task = await kernel.spawn({ uid: 1000, comm: 'worker' });
    const fd = await task.call('open', '/etc/passwd', O.RDONLY);
    const child = await task.fork();
    if ('errno' in child) throw new Error(`fork: ${child.errno}`);
    const buffer = new Uint8Array(4);
    expect(await child.call('read', fd, buffer)).toBe(4);
    expect(new TextDecoder().decode(buffer)).toBe('root');
    await task.exit();
    await child.exit();
    expect(await task.call('getpid')).toBe(-ERRNO.ESRCH);
    expect(sim.leaks()).toEqual([]);
  });

  it('tells who denied what', async () => {
    const { kernel } = boot();
    const task = await kernel.spawn({ uid: 1000, comm: 'thief' });
    expect(await task.call('open', '/etc/shadow', O.RDONLY)).toBe(-ERRNO.EACCES);
    expect(kernel.decisions()?.at(-1)).toMatchObject({
      syscall: 'open',
      object: '/etc/shadow',
      result: -ERRNO.EACCES,
      task: { comm: 'thief', uid: 1000 },
      by: { layer: 'dac', rule: 'mode 0640 of 0:42 grants others no read' },
    });
  });

  it('answers bpf(2), and objects go with their descriptors', async () => {
    const { sim, kernel } = boot();
    const task = await kernel.spawn();
    const map = await task.bpf('MAP_CREATE', {
      mapType: BPF_MAP_TYPE.ARRAY,
      keySize: 4,
      valueSize: 8,
      maxEntries: 1,
    });
    if (!map.ok) throw new Error(map.reason);
    expect(sim.leaks()).not.toEqual([]);
    expect(await task.call('close', map.value)).toBe(0);
    await task.exit();
    expect(sim.leaks()).toEqual([]);
  });

  it('the same calls give the same decisions', async () => {
    const run = async (): Promise<string> => {
      const { kernel } = boot();
      const task = await kernel.spawn({ uid: 1000 });
      await task.call('unlink', '/etc/passwd');
      await task.call('kill', 1, 9);
      return JSON.stringify(kernel.decisions());
    };
    expect(await run()).toBe(await run());
  });
});
