import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readBtf } from '../btf/index.ts';
import { openKernelImage, shippedKernels } from '../node/index.ts';
import { asKernel, bootKernel } from '../sim/index.ts';
import { Collection, type LoadOptions, type Value } from './index.ts';

const object = readFileSync(new URL('testdata/features.bpf.o', import.meta.url));
const EPERM = -1;

/** `KERNEL_VERSION` of the sources that each shipped kernel was built from. */
const sources: Readonly<Record<string, number>> = {
  '6.1': 0x06_01_b0,
  '6.12': 0x06_0c_5f,
  '6.18': 0x06_12_0f,
};

describe.each(shippedKernels().map((kernel) => kernel.series))(
  'on a simulated Linux %s',
  (series) => {
    const image = openKernelImage(series);
    const kernelBtf = readBtf(image.btf, { file: 'vmlinux' });
    const { release = '', version = '' } = image;

    /** Loads the object, and attaches the one of its two programs for this hook that calls the other. */
    async function load(options: Omit<LoadOptions, 'kernel'> = {}) {
      const config = image.config ?? new Map<string, string>();
      const sim = bootKernel({ btf: kernelBtf, release, version, config });
      const kernel = asKernel(sim);
      const policy = await Collection.load(object, { ...options, kernel, kernelBtf });
      const link = await policy.program('observe').attach();
      const open = (): Promise<number> => kernel.self.call('open', '/etc/passwd', 0);
      return { sim, policy, link, open };
    }

    it('variables hold what the loader, the configuration and the program put there', async () => {
      const settings = {
        number: 42,
        mode: 'ON',
        tag: 'hi',
        list: [1, 2, 3],
        bits: { low: 2, high: 17 },
      };
      const { policy, open } = await load({ variables: { settings, counter: 100 } });
      expect(await open()).toBeGreaterThanOrEqual(0);
      expect(await open()).toBeGreaterThanOrEqual(0);
      const expected: Readonly<Record<string, Value>> = {
        settings,
        big: -1n,
        counter: 102,
        seen_version: sources[series] ?? 0,
        seen_lsm: true,
        seen_number: 42,
        seen_high: 17,
        opens: 2n,
      };
      for (const [name, value] of Object.entries(expected))
        expect(await policy.variable(name).get(), name).toEqual(value);
    });

    it('maps of all sorts are read and written by their types', async () => {
      const { policy, open } = await load();
      await open();
      const perCpu = policy.map('per_cpu');
      expect(await perCpu.get(0)).toEqual([3, 0]);
      await perCpu.set(1, [4, 5]);
      expect(await perCpu.entries()).toEqual([
        [0, [3, 0]],
        [1, [4, 5]],
        [2, [0, 0]],
      ]);
      expect(await perCpu.get(7)).toBeUndefined();
      expect(await policy.map('first').entries()).toEqual([
        [0, 2n],
        [1, 0n],
      ]);
      const untyped = policy.map('untyped');
      const key = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
      await untyped.set(key, 9);
      expect(await untyped.entries()).toEqual([[key, Uint8Array.of(9, 0, 0, 0)]]);
      expect([await untyped.delete(key), await untyped.delete(key)]).toEqual([true, false]);
    });

    it('an inner map is exchanged while programs use it', async () => {
      const { policy, open } = await load();
      await open();
      await policy.map('outer').set(0, policy.map('second'));
      await open();
      expect([await policy.map('first').get(0), await policy.map('second').get(0)]).toEqual([
        2n,
        2n,
      ]);
    });

    it('a program that is called by another decides', async () => {
      const { open } = await load({ variables: { settings: { mode: 5 }, deny_opens: true } });
      expect(await open()).toBe(EPERM);
    });

    it('a closed link asks no more, and a closed collection leaves nothing', async () => {
      const { sim, policy, link, open } = await load();
      await open();
      await link.close();
      await open();
      expect(await policy.variable('counter').get()).toBe(8);
      await policy.close();
      expect(sim.bpf.leaks()).toEqual([]);
    });

    it('an optional program for a hook that is not there is loaded only on demand', async () => {
      const { policy } = await load();
      expect(policy.programs.has('optional')).toBe(false);
      await expect(load({ programs: { optional: { autoload: true } } })).rejects.toThrow(
        "program 'optional': the kernel has no LSM hook 'no_such_hook'",
      );
      const named = { optional: { autoload: true, attachTo: 'file_open' } };
      expect((await load({ programs: named })).policy.programs.has('optional')).toBe(true);
    });
  },
);
