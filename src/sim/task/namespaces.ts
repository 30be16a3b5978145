import type { Offset } from '../mem/memory.ts';
import type { StructName } from '../mem/structs.ts';
import type { Core } from './core.ts';

const NO_ID = 0xffffffff;
/** Inode numbers of the initial namespaces (include/linux/proc_ns.h); before 6.18 those of net and mnt are dynamic. */
const INUM = {
  ipc: 0xefffffff,
  uts: 0xeffffffe,
  user: 0xeffffffd,
  pid: 0xeffffffc,
  cgroup: 0xeffffffb,
  time: 0xeffffffa,
};
const FIRST_DYNAMIC_INUM = 0xf0000000;

/** The namespaces that the machine boots with; the simulation has no others yet. */
export interface Namespaces {
  readonly user: Offset;
  readonly pid: Offset;
  readonly mnt: Offset;
  readonly net: Offset;
  readonly nsproxy: Offset;
}

export function initNamespaces({ mem, layouts, structs }: Core): Namespaces {
  const user = structs.user_namespace.alloc();
  user.inum = layouts.enumerator('init_ns_ino', 'USER_NS_INIT_INO') ?? INUM.user;
  for (const map of ['uid_map', 'gid_map', 'projid_map'] as const) {
    user[`${map}_extents`] = 1;
    // struct uid_gid_extent { first, lower_first, count }: every id is itself.
    mem.view.setUint32(structs.user_namespace.fields[map].at(user.addr) + 8, NO_ID, true);
  }
  const namespace = (struct: Exclude<NamespaceStruct, 'user_namespace'>, inum: number): Offset => {
    const ns = structs[struct].alloc();
    ns.user_ns = user.addr;
    ns.inum = inum;
    return ns.addr;
  };
  const net = layouts.enumerator('init_ns_ino', 'NET_NS_INIT_INO') ?? FIRST_DYNAMIC_INUM + 1;
  const mnt = layouts.enumerator('init_ns_ino', 'MNT_NS_INIT_INO') ?? FIRST_DYNAMIC_INUM;
  const proxy = structs.nsproxy.alloc();
  proxy.uts_ns = namespace('uts_namespace', INUM.uts);
  proxy.ipc_ns = namespace('ipc_namespace', INUM.ipc);
  proxy.mnt_ns = namespace('mnt_namespace', mnt);
  proxy.pid_ns_for_children = namespace('pid_namespace', INUM.pid);
  proxy.net_ns = namespace('net', net);
  proxy.time_ns = proxy.time_ns_for_children = namespace('time_namespace', INUM.time);
  proxy.cgroup_ns = namespace('cgroup_namespace', INUM.cgroup);
  return {
    user: user.addr,
    pid: proxy.pid_ns_for_children,
    mnt: proxy.mnt_ns,
    net: proxy.net_ns,
    nsproxy: proxy.addr,
  };
}

type NamespaceStruct = Extract<
  StructName,
  | 'uts_namespace'
  | 'ipc_namespace'
  | 'mnt_namespace'
  | 'pid_namespace'
  | 'net'
  | 'time_namespace'
  | 'cgroup_namespace'
  | 'user_namespace'
>;
