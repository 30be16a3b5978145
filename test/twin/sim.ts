import { readBtf } from 'krsi/btf';
import type { KernelImage } from 'krsi/node';
import { asKernel, bootKernel } from 'krsi/sim';
import type { Boot } from './run.ts';

/** Boots simulated kernels with the types and configuration of a kernel. */
export function simulated(image: KernelImage, release: string, possibleCpus: number): Boot {
  const btf = readBtf(image.btf, { file: image.file });
  return () => {
    const sim = bootKernel({ btf, release, possibleCpus, config: image.config ?? new Map() });
    return Promise.resolve({
      kernel: asKernel(sim),
      kernelBtf: btf,
      shutdown: () => {
        for (const task of sim.tasks.all) if (task !== sim.init) sim.exit(task);
        return sim.bpf.leaks();
      },
    });
  };
}
