import { printC, printRaw, readBtf } from '../../btf/index.ts';
import { openKernelImage } from '../../node/index.ts';
import type { Context } from '../context.ts';

export function dumpBtf(
  context: Context,
  { format }: { readonly format: 'c' | 'raw' },
  file: string,
): void {
  const image = openKernelImage(file);
  const btf = readBtf(image.btf, { file: image.file });
  context.write(format === 'c' ? printC(btf) : printRaw(btf));
}
