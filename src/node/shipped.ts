import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { brotliDecompressSync, constants } from 'node:zlib';
import { readInput } from './read-file.ts';

/** A kernel whose BTF and configuration are in the package. */
export interface ShippedKernel {
  /** `6.12` */
  readonly series: string;
  /** `uname -r` */
  readonly release: string;
  /** `uname -v` */
  readonly uname: string;
  /** Binary package and its version that the files were taken from. */
  readonly package: string;
  readonly version: string;
  /** SHA-256 of the raw BTF, hexadecimal, and its size in bytes. */
  readonly btfSha256: string;
  readonly btfSize: number;
}

// From src/node as from dist/node this is the package's kernels folder.
const folder = new URL('../../kernels/', import.meta.url);
const BROTLI = { params: { [constants.BROTLI_DECODER_PARAM_LARGE_WINDOW]: 1 } };

/** The kernels in the package, oldest first. */
export const shippedKernels = (): readonly ShippedKernel[] =>
  JSON.parse(readFileSync(new URL('kernels.json', folder), 'utf8')) as readonly ShippedKernel[];

/** Finds a shipped kernel by its series or its release. */
export const findShippedKernel = (name: string): ShippedKernel | undefined =>
  shippedKernels().find((kernel) => kernel.series === name || kernel.release === name);

const unpack = (name: string): Uint8Array =>
  brotliDecompressSync(readInput(fileURLToPath(new URL(name, folder))), BROTLI);

export const shippedBtf = (kernel: ShippedKernel): Uint8Array => unpack(`${kernel.release}.btf.br`);

/** Text of the kernel's `.config`. */
export const shippedConfig = (kernel: ShippedKernel): string =>
  new TextDecoder().decode(unpack(`${kernel.release}.config.br`));
