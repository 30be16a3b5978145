import { dirname, resolve } from 'node:path';
import { readBtf, type Btf } from '../btf/index.ts';
import type { KernelImage } from '../node/index.ts';
import { readInput } from '../node/read-file.ts';
import { asKernel, bootKernel } from '../sim/index.ts';
import type { TestHost } from '../testing/index.ts';

/** What a test run boots: one kernel's types, read once. */
export interface SimImage {
  readonly btf: Btf;
  readonly release: string;
  readonly config: ReadonlyMap<string, string>;
}

/** BTF does not name its release; where nothing else did, the series stands for it. */
export const simImage = (image: KernelImage): SimImage => ({
  btf: readBtf(image.btf, { file: image.file }),
  release: image.release ?? `${image.series}.0`,
  config: image.config ?? new Map(),
});

/** Boots simulated kernels, and reads objects from beside the test file. */
export function testHost(testFile: string, image: SimImage): TestHost {
  const folder = dirname(testFile);
  return {
    file: testFile,
    boot: () => {
      const sim = bootKernel(image);
      const shutdown = (): readonly string[] => {
        for (const task of sim.tasks.all) if (task !== sim.init) sim.exit(task);
        return sim.bpf.leaks();
      };
      return Promise.resolve({ kernel: asKernel(sim), kernelBtf: image.btf, shutdown });
    },
    readObject: (path) => readInput(resolve(folder, path)),
    now: () => performance.now(),
  };
}
