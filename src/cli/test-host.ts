import { dirname, resolve } from 'node:path';
import { readInput } from '../node/read-file.ts';
import { asKernel, bootKernel } from '../sim/index.ts';
import type { TestHost } from '../testing/index.ts';
import type { NamedKernel } from './kernel.ts';
import { supervise } from './supervise.ts';

/** Boots simulated kernels, and reads objects from beside the test file. */
export function testHost(testFile: string, image: NamedKernel): TestHost {
  const folder = dirname(testFile);
  return {
    file: testFile,
    boot: () => {
      const sim = bootKernel({ ...image, config: image.config ?? new Map() });
      const shutdown = (): readonly string[] => {
        for (const task of sim.tasks.all) if (task !== sim.init) sim.exit(task);
        return sim.bpf.leaks();
      };
      return Promise.resolve({
        kernel: asKernel(sim),
        kernelBtf: image.btf,
        shutdown,
        fire: (hook, args) => sim.fire(hook, args),
      });
    },
    readObject: (path) => readInput(resolve(folder, path)),
    supervise: (body) => supervise(body),
    now: () => performance.now(),
  };
}
