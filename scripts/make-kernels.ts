import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import { openKernelImage } from '../src/node/kernel-image.ts';
import type { ShippedKernel } from '../src/node/shipped.ts';

/** Second half of make-kernels.sh: takes DIR/SERIES/{package,boot/*} apart and writes kernels/. */
const folder = join(import.meta.dirname, '..', 'kernels');

const compress = (bytes: Uint8Array): Uint8Array =>
  brotliCompressSync(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_LGWIN]: 24,
      [constants.BROTLI_PARAM_LARGE_WINDOW]: 1,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  });

function take(dir: string, series: string): ShippedKernel {
  const boot = join(dir, series, 'boot');
  const find = (prefix: string): string => {
    const name = readdirSync(boot).find((entry) => entry.startsWith(prefix));
    if (name === undefined) throw new Error(`${boot} has no ${prefix}*`);
    return join(boot, name);
  };
  const { btf, release, version: uname } = openKernelImage(find('vmlinuz-'));
  if (release === undefined || uname === undefined)
    throw new Error(`the kernel in ${boot} does not tell its release and version`);
  writeFileSync(join(folder, `${release}.btf.br`), compress(btf));
  writeFileSync(join(folder, `${release}.config.br`), compress(readFileSync(find('config-'))));
  const [name = '', version = ''] = readFileSync(join(dir, series, 'package'), 'utf8')
    .trim()
    .split(' ');
  const btfSha256 = createHash('sha256').update(btf).digest('hex');
  return { series, release, uname, package: name, version, btfSha256, btfSize: btf.length };
}

const [dir, ...series] = process.argv.slice(2);
if (dir === undefined || series.length === 0)
  throw new Error('usage: make-kernels.ts DIR SERIES...');
mkdirSync(folder, { recursive: true });
for (const name of readdirSync(folder).filter((entry) => entry.endsWith('.br')))
  rmSync(join(folder, name));
writeFileSync(join(folder, 'kernels.json'), '[]\n');
const kernels = series.map((name) => take(dir, name));
writeFileSync(join(folder, 'kernels.json'), `${JSON.stringify(kernels, null, 2)}\n`);
for (const kernel of kernels) console.log(`${kernel.series}: ${kernel.release}`);
