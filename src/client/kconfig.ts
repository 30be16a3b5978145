import type { Btf, BtfType } from '../btf/types.ts';
import type { Kernel } from '../kernel/index.ts';
import type { VariableSpec } from '../object/spec.ts';
import type { Value } from './codec.ts';

/** Value of an `extern … __kconfig`, or why it has none. */
export type KconfigValue = { readonly value: Value } | { readonly problem: string };

/**
 * `KERNEL_VERSION(major, minor, patch)` of the kernel's sources. Debian's releases end in a number of their own
 * (`6.1.0-50-amd64`); what they were made of stands in `uname -v` (libbpf: `get_kernel_version`).
 */
export function kernelVersion({
  release,
  version,
}: Pick<Kernel, 'release' | 'version'>): number | undefined {
  const match =
    /Debian (\d+)\.(\d+)\.(\d+)/.exec(version) ?? /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(release);
  if (match === null) return undefined;
  const [major, minor, patch] = [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)];
  return major * 65536 + minor * 256 + Math.min(patch, 255);
}

/** What libbpf computes itself instead of reading it from the configuration. */
function virtualValue(name: string, kernel: Kernel, kernelBtf: Btf): KconfigValue | undefined {
  const has = (func: string): KconfigValue => ({
    value: kernelBtf.find(func, 'func') === undefined ? 0 : 1,
  });
  switch (name) {
    case 'LINUX_KERNEL_VERSION': {
      const value = kernelVersion(kernel);
      return value === undefined
        ? { problem: `the kernel's release '${kernel.release}' does not start with a version` }
        : { value };
    }
    case 'LINUX_HAS_BPF_COOKIE':
      return has('bpf_get_attach_cookie_trace');
    case 'LINUX_HAS_SYSCALL_WRAPPER':
      return has('__x64_sys_bpf');
    default:
      return undefined;
  }
}

const TRISTATE: Readonly<Record<string, number>> = { n: 0, y: 1, m: 2 };

const integer = (text: string): bigint | undefined =>
  /^-?(0x[0-9a-f]+|\d+)$/i.test(text)
    ? text.startsWith('-')
      ? -BigInt(text.slice(1))
      : BigInt(text)
    : undefined;

const unquote = (text: string): string =>
  text.startsWith('"') && text.endsWith('"') && text.length > 1 ? text.slice(1, -1) : text;

/** A configuration value as the declared type of the extern wants it (libbpf's set_kcfg_value_*). */
function convert(text: string, type: BtfType, size: number): KconfigValue {
  const wrong = { problem: `the kernel is configured with '${text}', which its type cannot hold` };
  const state = TRISTATE[text];
  if (type.kind === 'array') return { value: unquote(text).slice(0, type.length - 1) };
  if (state !== undefined) {
    if (type.kind === 'enum' && type.name === 'libbpf_tristate') return { value: state };
    if (type.kind === 'int' && type.bool) return state === 2 ? wrong : { value: state === 1 };
    if (type.kind === 'int' && size === 1) return { value: text.charCodeAt(0) };
    return wrong;
  }
  const value = integer(text);
  return type.kind === 'int' && !type.bool && value !== undefined ? { value } : wrong;
}

/**
 * The value of `extern … __kconfig` on a kernel: undefined (zero) for a weak one that its configuration does not set,
 * which for any other is a problem.
 */
export async function kconfigValue(
  spec: VariableSpec,
  btf: Btf,
  kernel: Kernel,
  kernelBtf: Btf,
): Promise<KconfigValue | undefined> {
  const computed = virtualValue(spec.name, kernel, kernelBtf);
  if (computed !== undefined) return computed;
  const text = await kernel.config(spec.name);
  if (text !== undefined) return convert(text, btf.type(btf.resolve(spec.typeId)), spec.size);
  return spec.weak ? undefined : { problem: `the kernel's configuration does not set it` };
}
