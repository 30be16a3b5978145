import { describe, expect, it } from 'vitest';
import { findSection, nearestSection, SECTIONS } from './sections.ts';

type Row = readonly [
  name: string,
  type: string,
  attachType?: string | undefined,
  target?: string | undefined,
  flags?: string,
];

/** Verdicts of libbpf 1.1 (`libbpf_prog_type_by_name`), and of later releases for the names they added. */
const ROWS: readonly Row[] = [
  ['socket', 'SOCKET_FILTER'],
  ['sk_reuseport', 'SK_REUSEPORT', 'SK_REUSEPORT_SELECT'],
  ['sk_reuseport/migrate', 'SK_REUSEPORT', 'SK_REUSEPORT_SELECT_OR_MIGRATE'],
  ['kprobe/do_unlinkat+4', 'KPROBE', undefined, 'do_unlinkat+4'],
  ['kretprobe', 'KPROBE'],
  ['kprobe.multi/tcp_*', 'KPROBE', 'TRACE_KPROBE_MULTI', 'tcp_*'],
  ['kprobe.session/tcp_*', 'KPROBE', 'TRACE_KPROBE_SESSION', 'tcp_*'],
  ['uprobe//bin/bash:readline', 'KPROBE', undefined, '/bin/bash:readline'],
  ['uretprobe.s//bin/sh:f', 'KPROBE', undefined, '/bin/sh:f', 'sleepable'],
  ['uprobe.multi.s//bin/sh:f', 'KPROBE', 'TRACE_UPROBE_MULTI', '/bin/sh:f', 'sleepable'],
  ['ksyscall/openat', 'KPROBE', undefined, 'openat'],
  ['usdt/libc.so.6:libc:setjmp', 'KPROBE', undefined, 'libc.so.6:libc:setjmp'],
  ['tc', 'SCHED_CLS'],
  ['tc/ingress', 'SCHED_CLS', 'TCX_INGRESS'],
  ['tcx/egress', 'SCHED_CLS', 'TCX_EGRESS'],
  ['netkit/peer', 'SCHED_CLS', 'NETKIT_PEER'],
  ['classifier', 'SCHED_CLS'],
  ['action', 'SCHED_ACT'],
  ['tp/syscalls/sys_enter_openat', 'TRACEPOINT', undefined, 'syscalls/sys_enter_openat'],
  ['raw_tp/sched_switch', 'RAW_TRACEPOINT', undefined, 'sched_switch'],
  ['raw_tp.w/x', 'RAW_TRACEPOINT_WRITABLE', undefined, 'x'],
  ['tp_btf/sched_switch', 'TRACING', 'TRACE_RAW_TP', 'sched_switch', 'attachBtf'],
  ['fentry/vfs_read', 'TRACING', 'TRACE_FENTRY', 'vfs_read', 'attachBtf'],
  ['fexit.s/vfs_read', 'TRACING', 'TRACE_FEXIT', 'vfs_read', 'sleepable attachBtf'],
  ['fmod_ret/f', 'TRACING', 'MODIFY_RETURN', 'f', 'attachBtf'],
  ['fsession.s/f', 'TRACING', 'TRACE_FSESSION', 'f', 'sleepable attachBtf'],
  ['freplace/f', 'EXT', undefined, 'f', 'attachBtf'],
  ['lsm/file_open', 'LSM', 'LSM_MAC', 'file_open', 'attachBtf'],
  ['lsm.s/file_open', 'LSM', 'LSM_MAC', 'file_open', 'sleepable attachBtf'],
  ['lsm_cgroup/socket_bind', 'LSM', 'LSM_CGROUP', 'socket_bind', 'attachBtf'],
  ['lsm', 'LSM', 'LSM_MAC', undefined, 'attachBtf'],
  ['lsm/', 'LSM', 'LSM_MAC', undefined, 'attachBtf'],
  ['iter.s/task', 'TRACING', 'TRACE_ITER', 'task', 'sleepable attachBtf'],
  ['syscall', 'SYSCALL', undefined, undefined, 'sleepable'],
  ['xdp', 'XDP', 'XDP'],
  ['xdp.frags/devmap', 'XDP', 'XDP_DEVMAP', undefined, 'xdpFrags'],
  ['perf_event', 'PERF_EVENT'],
  ['lwt_seg6local', 'LWT_SEG6LOCAL'],
  ['sockops', 'SOCK_OPS', 'CGROUP_SOCK_OPS'],
  ['sk_skb', 'SK_SKB'],
  ['sk_skb/stream_verdict', 'SK_SKB', 'SK_SKB_STREAM_VERDICT'],
  ['sk_msg', 'SK_MSG', 'SK_MSG_VERDICT'],
  ['cgroup_skb/egress', 'CGROUP_SKB', 'CGROUP_INET_EGRESS'],
  ['cgroup/skb', 'CGROUP_SKB'],
  ['cgroup/sock', 'CGROUP_SOCK', 'CGROUP_INET_SOCK_CREATE'],
  ['cgroup/connect4', 'CGROUP_SOCK_ADDR', 'CGROUP_INET4_CONNECT'],
  ['cgroup/connect_unix', 'CGROUP_SOCK_ADDR', 'CGROUP_UNIX_CONNECT'],
  ['cgroup/getsockopt', 'CGROUP_SOCKOPT', 'CGROUP_GETSOCKOPT'],
  ['cgroup/dev', 'CGROUP_DEVICE', 'CGROUP_DEVICE'],
  ['struct_ops.s/init', 'STRUCT_OPS', undefined, 'init', 'sleepable'],
  ['sk_lookup', 'SK_LOOKUP', 'SK_LOOKUP'],
  ['netfilter', 'NETFILTER', 'NETFILTER'],
];

const UNKNOWN = ['', 'foo', 'xdp/foo', 'cgroup/connect4/x', 'lsm.x/file_open', 'kprobex', 'Socket'];

describe('program sections', () => {
  for (const [name, type, attachType, target, flags = ''] of ROWS)
    it(`${name} is ${type}`, () => {
      const found = findSection(name);
      expect(found).toMatchObject({ def: { type, attachType }, target });
      for (const flag of ['sleepable', 'attachBtf', 'xdpFrags'] as const)
        expect(found?.def[flag], flag).toBe(flags.split(' ').includes(flag));
    });

  it.each(UNKNOWN)('%j is not known', (name) => {
    expect(findSection(name)).toBeUndefined();
  });

  it('each name of the table is found as itself', () => {
    for (const def of SECTIONS) expect(findSection(def.prefix)?.def).toBe(def);
  });

  it.each([
    ['lms/file_open', 'lsm/'],
    ['cgroup/conect4', 'cgroup/connect4'],
    ['xdp/foo', 'xdp'],
    ['kprob/x', 'kprobe/'],
  ])('the name nearest to %s is %s', (name, nearest) => {
    expect(nearestSection(name)).toBe(nearest);
  });
});
