import { HELPERS, LAST_HELPER } from './helpers.gen.ts';
import { hookAttributes } from './hooks.ts';
import { nearestRelease } from './releases.ts';

type Helper = (typeof HELPERS)[number];

const numbers = (list: string): ReadonlySet<number> => {
  const all = new Set<number>();
  for (const range of list.split(',')) {
    const [first = 0, last = first] = range.split('-').map(Number);
    for (let n = first; n <= last; n++) all.add(n);
  }
  return all;
};

/** What every LSM program of 6.1 may call, whatever its hook (`bpf_lsm_func_proto`, `tracing_prog_func_proto`). */
const COMMON = numbers(
  '1-8,12,14-16,22,25,27,35-37,42,45-46,55,67,80,87-89,93-94,105-109,111-115,117-118,120-121,123,125,130-134,' +
    '136-141,145-149,153-154,156-159,161-162,164-165,169-172,175-178,180-182,188,191,193-203,208-209',
);
/** Helpers that LSM programs got later. */
const LATER: Partial<Record<Helper, string>> = {
  cgrp_storage_get: '6.12',
  cgrp_storage_delete: '6.12',
  get_cgroup_classid: '6.18',
};
/** They need the trampoline that LSM_CGROUP programs do not run on. */
const MAC_ONLY: ReadonlySet<Helper> = new Set<Helper>([
  'get_attach_cookie',
  'get_func_arg',
  'get_func_ret',
  'get_func_arg_cnt',
]);
const CGROUP_ONLY: ReadonlySet<Helper> = new Set<Helper>([
  'get_local_storage',
  'get_retval',
  'set_retval',
]);
/** LSM_CGROUP only, on hooks where the socket is locked or not yet shared. */
const SOCKOPT: ReadonlySet<Helper> = new Set<Helper>(['setsockopt', 'getsockopt']);
const SOCKOPT_HOOKS: ReadonlySet<string> = new Set([
  'sock_graft',
  'inet_csk_clone',
  'inet_conn_established',
  'socket_post_create',
  'socket_socketpair',
]);
const MAY_SLEEP: ReadonlySet<Helper> = new Set<Helper>([
  'copy_from_user',
  'copy_from_user_task',
  'ima_inode_hash',
  'ima_file_hash',
]);
/** Only on hooks of the sleepable set, though the program itself need not be sleepable for bpf_d_path. */
const SLEEPABLE_HOOKS_ONLY: ReadonlySet<Helper> = new Set<Helper>([
  'd_path',
  'ima_inode_hash',
  'ima_file_hash',
]);

export interface LsmProgramKind {
  readonly attachType: 'LSM_MAC' | 'LSM_CGROUP';
  /** Without `bpf_lsm_`. */
  readonly hook: string;
  /** The hook returns nothing, as BTF says. */
  readonly voidHook: boolean;
  readonly sleepable: boolean;
}

function isOffered(helper: Helper, id: number, series: number, kind: LsmProgramKind): boolean {
  const later = LATER[helper];
  if (later !== undefined) return series >= seriesNumber(later);
  if (kind.attachType === 'LSM_MAC') return COMMON.has(id) || MAC_ONLY.has(helper);
  if (SOCKOPT.has(helper)) return SOCKOPT_HOOKS.has(kind.hook);
  return COMMON.has(id) || CGROUP_ONLY.has(helper);
}

/** `6.12` is 6012. */
const seriesNumber = (release: string): number => {
  const [major = 0, minor = 0] = release.split('.').map(Number);
  return major * 1000 + minor;
};

/**
 * Why the verifier refuses a call of helper `id` by a LSM program on a kernel, in the kernel's words; undefined when
 * it may be called. Measured on 6.1, 6.12, 6.18 and 7.3 (`check_helper_call`).
 * @param release `uname -r`, or a series.
 */
export function lsmHelperRefusal(
  release: string,
  kind: LsmProgramKind,
  id: number,
): string | undefined {
  const { release: known } = nearestRelease(release);
  const series = seriesNumber(known);
  const helper = HELPERS[id];
  const last = LAST_HELPER[known.split('.', 2).join('.')] ?? HELPERS.length - 1;
  if (helper === undefined || id === 0 || id > last) return `invalid func unknown#${id}`;
  const name = `bpf_${helper}#${id}`;
  if (helper === 'get_func_ip') return `func ${name} not supported for program type 29`;
  const old = series < seriesNumber('6.12');
  const needsSleep = MAY_SLEEP.has(helper) && !kind.sleepable;
  if (!isOffered(helper, id, series, kind) || (old && needsSleep))
    return old ? `unknown func ${name}` : `program of this type cannot use helper ${name}`;
  if (SLEEPABLE_HOOKS_ONLY.has(helper) && !hookAttributes(known, kind.hook).sleepable)
    return 'helper call is not allowed in probe';
  if (needsSleep) return 'helper call might sleep in a non-sleepable prog';
  if (helper === 'set_retval' && kind.voidHook)
    return "BPF_LSM_CGROUP that attach to void LSM hooks can't modify return value!";
  return undefined;
}
