import { existsSync } from 'node:fs';
import { release as hostRelease, version as hostVersion } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { ENUM_SINCE, FormatError } from '../abi/index.ts';
import { readBtf } from '../btf/index.ts';
import { readElf, type Elf } from '../object/index.ts';
import { InputError } from './input-error.ts';
import { parseKernelConfig } from './kernel-config.ts';
import { readInput } from './read-file.ts';
import { findShippedKernel, shippedBtf, shippedConfig, shippedKernels } from './shipped.ts';
import { isVmlinuz, unpackVmlinuz, vmlinuzUname, type Uname } from './vmlinuz.ts';

/** What there is to know of a kernel without running it. */
export interface KernelImage {
  /** Name for messages: a path, or the release of a shipped kernel. */
  readonly file: string;
  /** `uname -r`, such as `6.12.95+deb12-cloud-amd64`; undefined when neither the file nor the caller told. */
  readonly release: string | undefined;
  /** `uname -v`, where Debian tells the version that its release only starts with; undefined when the file does not. */
  readonly version: string | undefined;
  /**
   * `6.12`: from the release, or else, as BTF does not name its kernel, the newest of 6.1, 6.12, 6.18 and 7.3 that has
   * a bpf(2) command which this BTF has and the one before lacks. A guess is never too new.
   */
  readonly series: string;
  /** Raw BTF of vmlinux. */
  readonly btf: Uint8Array;
  /** Option to value as in `.config` (`y`, `m`, `250`, `"text"`); undefined when no configuration was found. */
  readonly config: ReadonlyMap<string, string> | undefined;
}

const UNNAMED: Uname = { release: undefined, version: undefined };
/** Longer than any banner: it names the builder and the compiler. */
const BANNER_MAX = 1024;

const HOST_BTF = '/sys/kernel/btf/vmlinux';

const seriesOf = (release: string): string | undefined => /^\d+\.\d+(?!\d)/.exec(release)?.[0];

function guessSeries(btfBytes: Uint8Array, file: string): string {
  const btf = readBtf(btfBytes, { file });
  const id = btf.find('bpf_cmd', 'enum', 'enum64');
  const type = id === undefined ? undefined : btf.type(id);
  const has = new Set(
    type?.kind === 'enum' || type?.kind === 'enum64' ? type.values.map(({ name }) => name) : [],
  );
  const since = Object.entries(ENUM_SINCE['BPF_CMD'] ?? {});
  return since.findLast(([name]) => has.has(`BPF_${name}`))?.[1] ?? '6.1';
}

/** Every vmlinux says `Linux version RELEASE (…) #1 …` in its read-only data (`linux_banner`). */
function vmlinuxUname(elf: Elf): Uname {
  const section = elf.section('.rodata');
  if (section === undefined) return UNNAMED;
  const { buffer, byteOffset, byteLength } = elf.contents(section);
  const bytes = Buffer.from(buffer, byteOffset, byteLength);
  const at = bytes.indexOf('Linux version ');
  if (at < 0) return UNNAMED;
  const [banner = ''] = bytes.toString('latin1', at, at + BANNER_MAX).split(/[\n\0]/);
  const release = /^Linux version (\d\S*) /.exec(banner)?.[1];
  const version = / (#\d.*)/.exec(banner)?.[1];
  return { release, version };
}

/** Distributions put the configuration beside vmlinuz; a running kernel may also tell its own. */
function findConfig(
  path: string,
  release: string | undefined,
): ReadonlyMap<string, string> | undefined {
  const candidates: string[] = [];
  if (/^vmlinu[xz]-/.test(basename(path)))
    candidates.push(join(dirname(path), basename(path).replace(/^vmlinu[xz]/, 'config')));
  if (path === HOST_BTF && release !== undefined)
    candidates.push(`/boot/config-${release}`, '/proc/config.gz');
  const found = candidates.find((candidate) => existsSync(candidate));
  if (found === undefined) return undefined;
  const bytes = readInput(found);
  return parseKernelConfig(
    new TextDecoder().decode(found.endsWith('.gz') ? gunzipSync(bytes) : bytes),
  );
}

function btfOfElf(elf: Elf): Uint8Array {
  const section = elf.section('.BTF');
  if (section === undefined)
    throw new FormatError({
      file: elf.file,
      format: 'ELF',
      offset: 0,
      rule: 'has no .BTF section: the kernel was built without CONFIG_DEBUG_INFO_BTF',
    });
  // A copy, so that the tens of megabytes around it can go.
  return elf.contents(section).slice();
}

const isElf = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;

const isBtf = (bytes: Uint8Array): boolean =>
  (bytes[0] === 0x9f && bytes[1] === 0xeb) || (bytes[0] === 0xeb && bytes[1] === 0x9f);

/** BTF and names, by what the file's first bytes say that it is. */
function readImage(bytes: Uint8Array, path: string): Uname & { readonly btf: Uint8Array } {
  if (isBtf(bytes)) {
    const isHost = path === HOST_BTF;
    return {
      btf: bytes,
      ...(isHost ? { release: hostRelease(), version: hostVersion() } : UNNAMED),
    };
  }
  if (isElf(bytes)) {
    const elf = readElf(bytes, { file: path });
    return { btf: btfOfElf(elf), ...vmlinuxUname(elf) };
  }
  if (isVmlinuz(bytes)) {
    const elf = readElf(unpackVmlinuz(bytes, path), { file: path });
    return { btf: btfOfElf(elf), ...vmlinuzUname(bytes) };
  }
  const start = Buffer.from(bytes.subarray(0, 8))
    .toString('hex')
    .replaceAll(/(..)(?=.)/g, '$1 ');
  const what = bytes.length === 0 ? 'is empty' : `starts with ${start}`;
  throw new InputError(path, 'unrecognised', `${what}; not BTF, ELF or a bzImage`);
}

function openShippedKernel(name: string): KernelImage | undefined {
  const kernel = findShippedKernel(name);
  if (kernel === undefined) return undefined;
  const { release, uname: version, series } = kernel;
  const config = parseKernelConfig(shippedConfig(kernel));
  return { file: release, release, version, series, btf: shippedBtf(kernel), config };
}

/**
 * Opens a kernel by the series (`6.12`) or release of a shipped one, or by the path of raw BTF, such as
 * `/sys/kernel/btf/vmlinux`, of an ELF file with `.BTF`, or of a bzImage (gzip, lz4, xz, zstd).
 * @param release overrides what the file says of itself; raw BTF says nothing.
 * @throws {InputError} when there is no such kernel or file, or the file is of another kind.
 * @throws {FormatError} when the file is of the right kind, but damaged.
 */
export function openKernelImage(spec: string, release?: string): KernelImage {
  const shipped = openShippedKernel(spec);
  if (shipped !== undefined) return shipped;
  if (!spec.includes('/') && !existsSync(spec)) {
    const names = shippedKernels().map((kernel) => kernel.series);
    throw new InputError(
      spec,
      'missing',
      `neither a shipped kernel (${names.join(', ')}) nor a file`,
    );
  }
  const image = readImage(readInput(spec), spec);
  const known = release ?? image.release;
  const series = known === undefined ? undefined : seriesOf(known);
  return {
    file: spec,
    release: known,
    version: image.version,
    series: series ?? guessSeries(image.btf, spec),
    btf: image.btf,
    config: findConfig(spec, known),
  };
}
