export { InputError } from './input-error.ts';
export { openKernelImage, type KernelImage } from './kernel-image.ts';
export { readObjectFile } from './object-file.ts';
export { shippedKernels, type ShippedKernel } from './shipped.ts';
