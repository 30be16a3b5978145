import { readBtf, type Btf } from '../btf/index.ts';
import { openKernelImage, type KernelImage } from '../node/index.ts';
import { UsageError } from './context.ts';

/** A kernel to load objects into, or to look at. */
export interface NamedKernel {
  readonly btf: Btf;
  readonly release: string;
  readonly version: KernelImage['version'];
  readonly config: KernelImage['config'];
}

/**
 * Opens the kernel that `--kernel` names. BTF does not tell its release; where nothing else does, the series stands
 * for it.
 * @throws UsageError for BTF that is not a kernel's.
 */
export function openKernel(name: string): NamedKernel {
  const { file, btf: bytes, release, version, series, config } = openKernelImage(name);
  const btf = readBtf(bytes, { file });
  if (btf.find('task_struct', 'struct') === undefined)
    throw new UsageError(`${name}: is no kernel: its BTF has no struct task_struct`);
  return { btf, release: release ?? `${series}.0`, version, config };
}
