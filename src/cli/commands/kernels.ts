import { shippedKernels } from '../../node/index.ts';
import { toJson, type Context } from '../context.ts';

export function listKernels(context: Context, { json }: { readonly json: boolean }): void {
  const kernels = shippedKernels();
  if (json) {
    context.write(toJson({ kernels }));
    return;
  }
  for (const { series, release, package: name, version } of kernels)
    context.write(`${series.padEnd(6)} ${release.padEnd(28)} ${name} ${version}\n`);
}
