import type { BPF_ATTACH_TYPE, BPF_PROG_TYPE } from './enums.gen.ts';

export type ProgTypeName = keyof typeof BPF_PROG_TYPE;
export type AttachTypeName = keyof typeof BPF_ATTACH_TYPE;

/** What a name in `SEC("…")` says of a program: libbpf's `section_defs`. */
export interface SectionDef {
  /** Without libbpf's `+`: `lsm.s`, `cgroup/connect4`. */
  readonly prefix: string;
  /** After the prefix may come a slash and the target. */
  readonly takesTarget: boolean;
  readonly type: ProgTypeName;
  /** `expected_attach_type`; undefined where libbpf leaves it 0 without a meaning. */
  readonly attachType: AttachTypeName | undefined;
  /** The program is loaded with BPF_F_SLEEPABLE. */
  readonly sleepable: boolean;
  /** The target is a type in the kernel's BTF, which the kernel wants at load time (`attach_btf_id`). */
  readonly attachBtf: boolean;
  /** The program is loaded with BPF_F_XDP_HAS_FRAGS. */
  readonly xdpFrags: boolean;
}

type Flag = 'sleepable' | 'attachBtf' | 'xdpFrags';

const def = (
  pattern: string,
  type: ProgTypeName,
  attachType?: AttachTypeName,
  ...flags: readonly Flag[]
): SectionDef => ({
  prefix: pattern.replace('+', ''),
  takesTarget: pattern.endsWith('+'),
  type,
  attachType,
  sleepable: flags.includes('sleepable'),
  attachBtf: flags.includes('attachBtf'),
  xdpFrags: flags.includes('xdpFrags'),
});

/** In libbpf's notation: `kprobe+` is `kprobe` alone or `kprobe/target`; a name without `+` stands for itself only. */
export const SECTIONS: readonly SectionDef[] = [
  def('socket', 'SOCKET_FILTER'),
  def('sk_reuseport/migrate', 'SK_REUSEPORT', 'SK_REUSEPORT_SELECT_OR_MIGRATE'),
  def('sk_reuseport', 'SK_REUSEPORT', 'SK_REUSEPORT_SELECT'),
  def('kprobe+', 'KPROBE'),
  def('uprobe+', 'KPROBE'),
  def('uprobe.s+', 'KPROBE', undefined, 'sleepable'),
  def('kretprobe+', 'KPROBE'),
  def('uretprobe+', 'KPROBE'),
  def('uretprobe.s+', 'KPROBE', undefined, 'sleepable'),
  def('kprobe.multi+', 'KPROBE', 'TRACE_KPROBE_MULTI'),
  def('kretprobe.multi+', 'KPROBE', 'TRACE_KPROBE_MULTI'),
  def('kprobe.session+', 'KPROBE', 'TRACE_KPROBE_SESSION'),
  def('uprobe.multi+', 'KPROBE', 'TRACE_UPROBE_MULTI'),
  def('uretprobe.multi+', 'KPROBE', 'TRACE_UPROBE_MULTI'),
  def('uprobe.session+', 'KPROBE', 'TRACE_UPROBE_SESSION'),
  def('uprobe.multi.s+', 'KPROBE', 'TRACE_UPROBE_MULTI', 'sleepable'),
  def('uretprobe.multi.s+', 'KPROBE', 'TRACE_UPROBE_MULTI', 'sleepable'),
  def('uprobe.session.s+', 'KPROBE', 'TRACE_UPROBE_SESSION', 'sleepable'),
  def('ksyscall+', 'KPROBE'),
  def('kretsyscall+', 'KPROBE'),
  def('usdt+', 'KPROBE'),
  def('usdt.s+', 'KPROBE', undefined, 'sleepable'),
  def('tc/ingress', 'SCHED_CLS', 'TCX_INGRESS'),
  def('tc/egress', 'SCHED_CLS', 'TCX_EGRESS'),
  def('tcx/ingress', 'SCHED_CLS', 'TCX_INGRESS'),
  def('tcx/egress', 'SCHED_CLS', 'TCX_EGRESS'),
  def('tc', 'SCHED_CLS'),
  def('classifier', 'SCHED_CLS'),
  def('action', 'SCHED_ACT'),
  def('netkit/primary', 'SCHED_CLS', 'NETKIT_PRIMARY'),
  def('netkit/peer', 'SCHED_CLS', 'NETKIT_PEER'),
  def('tracepoint+', 'TRACEPOINT'),
  def('tp+', 'TRACEPOINT'),
  def('raw_tracepoint+', 'RAW_TRACEPOINT'),
  def('raw_tp+', 'RAW_TRACEPOINT'),
  def('raw_tracepoint.w+', 'RAW_TRACEPOINT_WRITABLE'),
  def('raw_tp.w+', 'RAW_TRACEPOINT_WRITABLE'),
  def('tp_btf+', 'TRACING', 'TRACE_RAW_TP', 'attachBtf'),
  def('fentry+', 'TRACING', 'TRACE_FENTRY', 'attachBtf'),
  def('fmod_ret+', 'TRACING', 'MODIFY_RETURN', 'attachBtf'),
  def('fexit+', 'TRACING', 'TRACE_FEXIT', 'attachBtf'),
  def('fsession+', 'TRACING', 'TRACE_FSESSION', 'attachBtf'),
  def('fentry.s+', 'TRACING', 'TRACE_FENTRY', 'attachBtf', 'sleepable'),
  def('fmod_ret.s+', 'TRACING', 'MODIFY_RETURN', 'attachBtf', 'sleepable'),
  def('fexit.s+', 'TRACING', 'TRACE_FEXIT', 'attachBtf', 'sleepable'),
  def('fsession.s+', 'TRACING', 'TRACE_FSESSION', 'attachBtf', 'sleepable'),
  def('freplace+', 'EXT', undefined, 'attachBtf'),
  def('lsm+', 'LSM', 'LSM_MAC', 'attachBtf'),
  def('lsm.s+', 'LSM', 'LSM_MAC', 'attachBtf', 'sleepable'),
  def('lsm_cgroup+', 'LSM', 'LSM_CGROUP', 'attachBtf'),
  def('iter+', 'TRACING', 'TRACE_ITER', 'attachBtf'),
  def('iter.s+', 'TRACING', 'TRACE_ITER', 'attachBtf', 'sleepable'),
  def('syscall', 'SYSCALL', undefined, 'sleepable'),
  def('xdp.frags/devmap', 'XDP', 'XDP_DEVMAP', 'xdpFrags'),
  def('xdp/devmap', 'XDP', 'XDP_DEVMAP'),
  def('xdp.frags/cpumap', 'XDP', 'XDP_CPUMAP', 'xdpFrags'),
  def('xdp/cpumap', 'XDP', 'XDP_CPUMAP'),
  def('xdp.frags', 'XDP', 'XDP', 'xdpFrags'),
  def('xdp', 'XDP', 'XDP'),
  def('perf_event', 'PERF_EVENT'),
  def('lwt_in', 'LWT_IN'),
  def('lwt_out', 'LWT_OUT'),
  def('lwt_xmit', 'LWT_XMIT'),
  def('lwt_seg6local', 'LWT_SEG6LOCAL'),
  def('sockops', 'SOCK_OPS', 'CGROUP_SOCK_OPS'),
  def('sk_skb/stream_parser', 'SK_SKB', 'SK_SKB_STREAM_PARSER'),
  def('sk_skb/stream_verdict', 'SK_SKB', 'SK_SKB_STREAM_VERDICT'),
  def('sk_skb/verdict', 'SK_SKB', 'SK_SKB_VERDICT'),
  def('sk_skb', 'SK_SKB'),
  def('sk_msg', 'SK_MSG', 'SK_MSG_VERDICT'),
  def('lirc_mode2', 'LIRC_MODE2', 'LIRC_MODE2'),
  def('flow_dissector', 'FLOW_DISSECTOR', 'FLOW_DISSECTOR'),
  def('cgroup_skb/ingress', 'CGROUP_SKB', 'CGROUP_INET_INGRESS'),
  def('cgroup_skb/egress', 'CGROUP_SKB', 'CGROUP_INET_EGRESS'),
  def('cgroup/skb', 'CGROUP_SKB'),
  def('cgroup/sock_create', 'CGROUP_SOCK', 'CGROUP_INET_SOCK_CREATE'),
  def('cgroup/sock_release', 'CGROUP_SOCK', 'CGROUP_INET_SOCK_RELEASE'),
  def('cgroup/sock', 'CGROUP_SOCK', 'CGROUP_INET_SOCK_CREATE'),
  def('cgroup/post_bind4', 'CGROUP_SOCK', 'CGROUP_INET4_POST_BIND'),
  def('cgroup/post_bind6', 'CGROUP_SOCK', 'CGROUP_INET6_POST_BIND'),
  def('cgroup/bind4', 'CGROUP_SOCK_ADDR', 'CGROUP_INET4_BIND'),
  def('cgroup/bind6', 'CGROUP_SOCK_ADDR', 'CGROUP_INET6_BIND'),
  def('cgroup/connect4', 'CGROUP_SOCK_ADDR', 'CGROUP_INET4_CONNECT'),
  def('cgroup/connect6', 'CGROUP_SOCK_ADDR', 'CGROUP_INET6_CONNECT'),
  def('cgroup/connect_unix', 'CGROUP_SOCK_ADDR', 'CGROUP_UNIX_CONNECT'),
  def('cgroup/sendmsg4', 'CGROUP_SOCK_ADDR', 'CGROUP_UDP4_SENDMSG'),
  def('cgroup/sendmsg6', 'CGROUP_SOCK_ADDR', 'CGROUP_UDP6_SENDMSG'),
  def('cgroup/sendmsg_unix', 'CGROUP_SOCK_ADDR', 'CGROUP_UNIX_SENDMSG'),
  def('cgroup/recvmsg4', 'CGROUP_SOCK_ADDR', 'CGROUP_UDP4_RECVMSG'),
  def('cgroup/recvmsg6', 'CGROUP_SOCK_ADDR', 'CGROUP_UDP6_RECVMSG'),
  def('cgroup/recvmsg_unix', 'CGROUP_SOCK_ADDR', 'CGROUP_UNIX_RECVMSG'),
  def('cgroup/getpeername4', 'CGROUP_SOCK_ADDR', 'CGROUP_INET4_GETPEERNAME'),
  def('cgroup/getpeername6', 'CGROUP_SOCK_ADDR', 'CGROUP_INET6_GETPEERNAME'),
  def('cgroup/getpeername_unix', 'CGROUP_SOCK_ADDR', 'CGROUP_UNIX_GETPEERNAME'),
  def('cgroup/getsockname4', 'CGROUP_SOCK_ADDR', 'CGROUP_INET4_GETSOCKNAME'),
  def('cgroup/getsockname6', 'CGROUP_SOCK_ADDR', 'CGROUP_INET6_GETSOCKNAME'),
  def('cgroup/getsockname_unix', 'CGROUP_SOCK_ADDR', 'CGROUP_UNIX_GETSOCKNAME'),
  def('cgroup/sysctl', 'CGROUP_SYSCTL', 'CGROUP_SYSCTL'),
  def('cgroup/getsockopt', 'CGROUP_SOCKOPT', 'CGROUP_GETSOCKOPT'),
  def('cgroup/setsockopt', 'CGROUP_SOCKOPT', 'CGROUP_SETSOCKOPT'),
  def('cgroup/dev', 'CGROUP_DEVICE', 'CGROUP_DEVICE'),
  def('struct_ops+', 'STRUCT_OPS'),
  def('struct_ops.s+', 'STRUCT_OPS', undefined, 'sleepable'),
  def('sk_lookup', 'SK_LOOKUP', 'SK_LOOKUP'),
  def('netfilter', 'NETFILTER', 'NETFILTER'),
];

const BY_PREFIX: ReadonlyMap<string, SectionDef> = new Map(SECTIONS.map((s) => [s.prefix, s]));

const split = (name: string): [head: string, target: string] => {
  const slash = name.indexOf('/');
  return slash < 0 ? [name, ''] : [name.slice(0, slash), name.slice(slash + 1)];
};

/**
 * The meaning of a program's section name (without libbpf's `?`), as libbpf 1.x judges it.
 * @returns undefined for a name that it does not know. `target` is what stands after the slash, undefined if nothing.
 */
export const findSection = (
  name: string,
): { readonly def: SectionDef; readonly target: string | undefined } | undefined => {
  const whole = BY_PREFIX.get(name);
  if (whole !== undefined) return { def: whole, target: undefined };
  const [head, target] = split(name);
  const family = BY_PREFIX.get(head);
  if (family === undefined || !family.takesTarget) return undefined;
  return { def: family, target: target === '' ? undefined : target };
};

/** Levenshtein distance. */
const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
};

/** The known section name that an unknown one is closest to, for messages. */
export const nearestSection = (name: string): string => {
  const head = split(name)[0].slice(0, 64);
  const whole = name.slice(0, 64);
  const score = ({ prefix, takesTarget }: SectionDef): number =>
    takesTarget
      ? distance(head, prefix)
      : Math.min(distance(whole, prefix), distance(head, prefix) + 1);
  const best = SECTIONS.reduce((a, b) => (score(b) < score(a) ? b : a));
  return best.takesTarget ? `${best.prefix}/` : best.prefix;
};
