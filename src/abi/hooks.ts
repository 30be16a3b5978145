import { BOOLEAN, DEFAULTS, DISABLED, SLEEPABLE, UNTRUSTED, type HookGroup } from './hook-data.ts';
import { nearestRelease, type KnownRelease } from './releases.ts';

/** What Linux knows of an LSM hook and BTF does not tell. */
export interface HookAttributes {
  /** The kernel that this was read from. */
  readonly release: KnownRelease;
  /** False when `release` only stands for the kernel that was asked about. */
  readonly exact: boolean;
  /** No program may attach: -EINVAL, "points to disabled hook". */
  readonly disabled: boolean;
  /** Programs with BPF_F_SLEEPABLE may attach. bpf_d_path is allowed on these hooks only. */
  readonly sleepable: boolean;
  /**
   * R0 that a LSM_MAC program may exit with when the hook returns int, both ends included; undefined on kernels that
   * do not check. Void hooks take any. LSM_CGROUP programs give 0 or 1 everywhere, 1 on void hooks.
   */
  readonly returnRange: { readonly min: number; readonly max: number } | undefined;
  /** Pointer arguments are PTR_TRUSTED; kernels before 6.3 have no such notion. */
  readonly trustedArguments: boolean;
  /** A `void *` argument can be read from the context (since 6.16). */
  readonly voidPointerArguments: boolean;
  /** Result when every LSM and program has no opinion: 0, 1, or a negative errno. Void hooks say 0. */
  readonly defaultResult: number;
}

const holds = (groups: readonly HookGroup[], release: KnownRelease, hook: string): boolean =>
  groups.some((group) => group.releases.includes(release) && group.hooks.has(hook));

const MAX_ERRNO = 4095;

/**
 * Attributes of `hook` (named without `bpf_lsm_`) on a kernel, measured by loading programs into known kernels.
 * Whether the hook exists there, and its prototype, is for BTF to say. A LSM_CGROUP program is judged by the cgroup of
 * the current task on every hook: the kernel means to take that of a socket argument, but on all known kernels the
 * comparison of types in `bpf_lsm_find_cgroup_shim` never holds.
 * @param release `uname -r`, or a series.
 */
export function hookAttributes(release: string, hook: string): HookAttributes {
  const nearest = nearestRelease(release);
  const known = nearest.release;
  const checksReturn = known !== '6.1.0';
  const range = BOOLEAN.has(hook) ? { min: 0, max: 1 } : { min: -MAX_ERRNO, max: 0 };
  const defaults = DEFAULTS.find((group) => holds([group], known, hook));
  return {
    ...nearest,
    disabled: holds(DISABLED, known, hook),
    sleepable: holds(SLEEPABLE, known, hook),
    returnRange: checksReturn ? range : undefined,
    trustedArguments: known !== '6.1.0' && !holds(UNTRUSTED, known, hook),
    voidPointerArguments: known === '6.18.15' || known === '7.3.4',
    defaultResult: defaults?.value ?? 0,
  };
}
