// Made by scripts/gen-abi.ts from the BTF of the shipped kernels. Do not edit.

/** `enum bpf_cmd`, names without their prefix `BPF_`. */
export const BPF_CMD = {
  MAP_CREATE: 0,
  MAP_LOOKUP_ELEM: 1,
  MAP_UPDATE_ELEM: 2,
  MAP_DELETE_ELEM: 3,
  MAP_GET_NEXT_KEY: 4,
  PROG_LOAD: 5,
  OBJ_PIN: 6,
  OBJ_GET: 7,
  PROG_ATTACH: 8,
  PROG_DETACH: 9,
  PROG_TEST_RUN: 10,
  PROG_RUN: 10,
  PROG_GET_NEXT_ID: 11,
  MAP_GET_NEXT_ID: 12,
  PROG_GET_FD_BY_ID: 13,
  MAP_GET_FD_BY_ID: 14,
  OBJ_GET_INFO_BY_FD: 15,
  PROG_QUERY: 16,
  RAW_TRACEPOINT_OPEN: 17,
  BTF_LOAD: 18,
  BTF_GET_FD_BY_ID: 19,
  TASK_FD_QUERY: 20,
  MAP_LOOKUP_AND_DELETE_ELEM: 21,
  MAP_FREEZE: 22,
  BTF_GET_NEXT_ID: 23,
  MAP_LOOKUP_BATCH: 24,
  MAP_LOOKUP_AND_DELETE_BATCH: 25,
  MAP_UPDATE_BATCH: 26,
  MAP_DELETE_BATCH: 27,
  LINK_CREATE: 28,
  LINK_UPDATE: 29,
  LINK_GET_FD_BY_ID: 30,
  LINK_GET_NEXT_ID: 31,
  ENABLE_STATS: 32,
  ITER_CREATE: 33,
  LINK_DETACH: 34,
  PROG_BIND_MAP: 35,
  TOKEN_CREATE: 36, // since 6.12
  PROG_STREAM_READ_BY_FD: 37, // since 6.18
  PROG_ASSOC_STRUCT_OPS: 38, // since 7.3
  COMMON_ATTRS: 65536, // since 7.3
} as const;

/** `enum bpf_map_type`, names without their prefix `BPF_MAP_TYPE_`. */
export const BPF_MAP_TYPE = {
  UNSPEC: 0,
  HASH: 1,
  ARRAY: 2,
  PROG_ARRAY: 3,
  PERF_EVENT_ARRAY: 4,
  PERCPU_HASH: 5,
  PERCPU_ARRAY: 6,
  STACK_TRACE: 7,
  CGROUP_ARRAY: 8,
  LRU_HASH: 9,
  LRU_PERCPU_HASH: 10,
  LPM_TRIE: 11,
  ARRAY_OF_MAPS: 12,
  HASH_OF_MAPS: 13,
  DEVMAP: 14,
  SOCKMAP: 15,
  CPUMAP: 16,
  XSKMAP: 17,
  SOCKHASH: 18,
  CGROUP_STORAGE: 19,
  REUSEPORT_SOCKARRAY: 20,
  PERCPU_CGROUP_STORAGE: 21,
  QUEUE: 22,
  STACK: 23,
  SK_STORAGE: 24,
  DEVMAP_HASH: 25,
  STRUCT_OPS: 26,
  RINGBUF: 27,
  INODE_STORAGE: 28,
  TASK_STORAGE: 29,
  BLOOM_FILTER: 30,
  USER_RINGBUF: 31,
  CGROUP_STORAGE_DEPRECATED: 19, // since 6.12
  PERCPU_CGROUP_STORAGE_DEPRECATED: 21, // since 6.12
  CGRP_STORAGE: 32, // since 6.12
  ARENA: 33, // since 6.12
  INSN_ARRAY: 34, // since 7.3
  RHASH: 35, // since 7.3
} as const;

/** `enum bpf_prog_type`, names without their prefix `BPF_PROG_TYPE_`. */
export const BPF_PROG_TYPE = {
  UNSPEC: 0,
  SOCKET_FILTER: 1,
  KPROBE: 2,
  SCHED_CLS: 3,
  SCHED_ACT: 4,
  TRACEPOINT: 5,
  XDP: 6,
  PERF_EVENT: 7,
  CGROUP_SKB: 8,
  CGROUP_SOCK: 9,
  LWT_IN: 10,
  LWT_OUT: 11,
  LWT_XMIT: 12,
  SOCK_OPS: 13,
  SK_SKB: 14,
  CGROUP_DEVICE: 15,
  SK_MSG: 16,
  RAW_TRACEPOINT: 17,
  CGROUP_SOCK_ADDR: 18,
  LWT_SEG6LOCAL: 19,
  LIRC_MODE2: 20,
  SK_REUSEPORT: 21,
  FLOW_DISSECTOR: 22,
  CGROUP_SYSCTL: 23,
  RAW_TRACEPOINT_WRITABLE: 24,
  CGROUP_SOCKOPT: 25,
  TRACING: 26,
  STRUCT_OPS: 27,
  EXT: 28,
  LSM: 29,
  SK_LOOKUP: 30,
  SYSCALL: 31,
  NETFILTER: 32, // since 6.12
} as const;

/** `enum bpf_attach_type`, names without their prefix `BPF_`. */
export const BPF_ATTACH_TYPE = {
  CGROUP_INET_INGRESS: 0,
  CGROUP_INET_EGRESS: 1,
  CGROUP_INET_SOCK_CREATE: 2,
  CGROUP_SOCK_OPS: 3,
  SK_SKB_STREAM_PARSER: 4,
  SK_SKB_STREAM_VERDICT: 5,
  CGROUP_DEVICE: 6,
  SK_MSG_VERDICT: 7,
  CGROUP_INET4_BIND: 8,
  CGROUP_INET6_BIND: 9,
  CGROUP_INET4_CONNECT: 10,
  CGROUP_INET6_CONNECT: 11,
  CGROUP_INET4_POST_BIND: 12,
  CGROUP_INET6_POST_BIND: 13,
  CGROUP_UDP4_SENDMSG: 14,
  CGROUP_UDP6_SENDMSG: 15,
  LIRC_MODE2: 16,
  FLOW_DISSECTOR: 17,
  CGROUP_SYSCTL: 18,
  CGROUP_UDP4_RECVMSG: 19,
  CGROUP_UDP6_RECVMSG: 20,
  CGROUP_GETSOCKOPT: 21,
  CGROUP_SETSOCKOPT: 22,
  TRACE_RAW_TP: 23,
  TRACE_FENTRY: 24,
  TRACE_FEXIT: 25,
  MODIFY_RETURN: 26,
  LSM_MAC: 27,
  TRACE_ITER: 28,
  CGROUP_INET4_GETPEERNAME: 29,
  CGROUP_INET6_GETPEERNAME: 30,
  CGROUP_INET4_GETSOCKNAME: 31,
  CGROUP_INET6_GETSOCKNAME: 32,
  XDP_DEVMAP: 33,
  CGROUP_INET_SOCK_RELEASE: 34,
  XDP_CPUMAP: 35,
  SK_LOOKUP: 36,
  XDP: 37,
  SK_SKB_VERDICT: 38,
  SK_REUSEPORT_SELECT: 39,
  SK_REUSEPORT_SELECT_OR_MIGRATE: 40,
  PERF_EVENT: 41,
  TRACE_KPROBE_MULTI: 42,
  LSM_CGROUP: 43,
  STRUCT_OPS: 44, // since 6.12
  NETFILTER: 45, // since 6.12
  TCX_INGRESS: 46, // since 6.12
  TCX_EGRESS: 47, // since 6.12
  TRACE_UPROBE_MULTI: 48, // since 6.12
  CGROUP_UNIX_CONNECT: 49, // since 6.12
  CGROUP_UNIX_SENDMSG: 50, // since 6.12
  CGROUP_UNIX_RECVMSG: 51, // since 6.12
  CGROUP_UNIX_GETPEERNAME: 52, // since 6.12
  CGROUP_UNIX_GETSOCKNAME: 53, // since 6.12
  NETKIT_PRIMARY: 54, // since 6.12
  NETKIT_PEER: 55, // since 6.12
  TRACE_KPROBE_SESSION: 56, // since 6.12
  TRACE_UPROBE_SESSION: 57, // since 6.18
  TRACE_FSESSION: 58, // since 7.3
  TRACE_FENTRY_MULTI: 59, // since 7.3
  TRACE_FEXIT_MULTI: 60, // since 7.3
  TRACE_FSESSION_MULTI: 61, // since 7.3
} as const;

/** `enum bpf_link_type`, names without their prefix `BPF_LINK_TYPE_`. */
export const BPF_LINK_TYPE = {
  UNSPEC: 0,
  RAW_TRACEPOINT: 1,
  TRACING: 2,
  CGROUP: 3,
  ITER: 4,
  NETNS: 5,
  XDP: 6,
  PERF_EVENT: 7,
  KPROBE_MULTI: 8,
  STRUCT_OPS: 9,
  NETFILTER: 10, // since 6.12
  TCX: 11, // since 6.12
  UPROBE_MULTI: 12, // since 6.12
  NETKIT: 13, // since 6.12
  SOCKMAP: 14, // since 6.12
  TRACING_MULTI: 15, // since 7.3
} as const;

/** `enum bpf_core_relo_kind`, names without their prefix `BPF_CORE_`. */
export const BPF_CORE_RELO = {
  FIELD_BYTE_OFFSET: 0,
  FIELD_BYTE_SIZE: 1,
  FIELD_EXISTS: 2,
  FIELD_SIGNED: 3,
  FIELD_LSHIFT_U64: 4,
  FIELD_RSHIFT_U64: 5,
  TYPE_ID_LOCAL: 6,
  TYPE_ID_TARGET: 7,
  TYPE_EXISTS: 8,
  TYPE_SIZE: 9,
  ENUMVAL_EXISTS: 10,
  ENUMVAL_VALUE: 11,
  TYPE_MATCHES: 12,
} as const;

/** The enum that holds `BPF_NOEXIST`, names without their prefix `BPF_`. */
export const BPF_ELEM = {
  ANY: 0,
  NOEXIST: 1,
  EXIST: 2,
  F_LOCK: 4,
} as const;

/** The enum that holds `BPF_F_NO_PREALLOC`, names without their prefix `BPF_F_`. */
export const BPF_F = {
  NO_PREALLOC: 1,
  NO_COMMON_LRU: 2,
  NUMA_NODE: 4,
  RDONLY: 8,
  WRONLY: 16,
  STACK_BUILD_ID: 32,
  ZERO_SEED: 64,
  RDONLY_PROG: 128,
  WRONLY_PROG: 256,
  CLONE: 512,
  MMAPABLE: 1024,
  PRESERVE_ELEMS: 2048,
  INNER_MAP: 4096,
  LINK: 8192, // since 6.12
  PATH_FD: 16384, // since 6.12
  VTYPE_BTF_OBJ_FD: 32768, // since 6.12
  TOKEN_FD: 65536, // since 6.12
  SEGV_ON_FAULT: 131072, // since 6.12
  NO_USER_CONV: 262144, // since 6.12
} as const;

/** The enum that holds `BPF_F_INDEX_MASK`, names without their prefix `BPF_F_`. */
export const BPF_F_INDEX = {
  INDEX_MASK: 4294967295,
  CURRENT_CPU: 4294967295,
  CTXLEN_MASK: 4503595332403200,
} as const;

/** The enum that holds `BPF_F_USER_STACK`, names without their prefix `BPF_F_`. */
export const BPF_F_STACK = {
  SKIP_FIELD_MASK: 255,
  USER_STACK: 256,
  FAST_STACK_CMP: 512,
  REUSE_STACKID: 1024,
  USER_BUILD_ID: 2048,
} as const;

/** The enum that holds `BPF_RB_NO_WAKEUP`, names without their prefix `BPF_RB_`. */
export const BPF_RB = {
  NO_WAKEUP: 1,
  FORCE_WAKEUP: 2,
} as const;

/** The enum that holds `BPF_RB_AVAIL_DATA`, names without their prefix `BPF_RB_`. */
export const BPF_RB_QUERY = {
  AVAIL_DATA: 0,
  RING_SIZE: 1,
  CONS_POS: 2,
  PROD_POS: 3,
} as const;

/** The enum that holds `BPF_RINGBUF_BUSY_BIT`, names without their prefix `BPF_RINGBUF_`. */
export const BPF_RINGBUF = {
  BUSY_BIT: 2147483648,
  DISCARD_BIT: 1073741824,
  HDR_SZ: 8,
} as const;

/** The enum that holds `BPF_LOCAL_STORAGE_GET_F_CREATE`, names without their prefix `BPF_LOCAL_STORAGE_`. */
export const BPF_LOCAL_STORAGE = {
  GET_F_CREATE: 1,
} as const;

/** The enum that holds `BTF_F_COMPACT`, names without their prefix `BTF_F_`. */
export const BTF_F = {
  COMPACT: 1,
  NONAME: 2,
  PTR_RAW: 4,
  ZERO: 8,
} as const;

/** The first of the known releases that has a value; those in 6.1 already are not listed. */
export const ENUM_SINCE: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  BPF_CMD: {
    TOKEN_CREATE: '6.12',
    PROG_STREAM_READ_BY_FD: '6.18',
    PROG_ASSOC_STRUCT_OPS: '7.3',
    COMMON_ATTRS: '7.3',
  },
  BPF_MAP_TYPE: {
    CGROUP_STORAGE_DEPRECATED: '6.12',
    PERCPU_CGROUP_STORAGE_DEPRECATED: '6.12',
    CGRP_STORAGE: '6.12',
    ARENA: '6.12',
    INSN_ARRAY: '7.3',
    RHASH: '7.3',
  },
  BPF_PROG_TYPE: {
    NETFILTER: '6.12',
  },
  BPF_ATTACH_TYPE: {
    STRUCT_OPS: '6.12',
    NETFILTER: '6.12',
    TCX_INGRESS: '6.12',
    TCX_EGRESS: '6.12',
    TRACE_UPROBE_MULTI: '6.12',
    CGROUP_UNIX_CONNECT: '6.12',
    CGROUP_UNIX_SENDMSG: '6.12',
    CGROUP_UNIX_RECVMSG: '6.12',
    CGROUP_UNIX_GETPEERNAME: '6.12',
    CGROUP_UNIX_GETSOCKNAME: '6.12',
    NETKIT_PRIMARY: '6.12',
    NETKIT_PEER: '6.12',
    TRACE_KPROBE_SESSION: '6.12',
    TRACE_UPROBE_SESSION: '6.18',
    TRACE_FSESSION: '7.3',
    TRACE_FENTRY_MULTI: '7.3',
    TRACE_FEXIT_MULTI: '7.3',
    TRACE_FSESSION_MULTI: '7.3',
  },
  BPF_LINK_TYPE: {
    NETFILTER: '6.12',
    TCX: '6.12',
    UPROBE_MULTI: '6.12',
    NETKIT: '6.12',
    SOCKMAP: '6.12',
    TRACING_MULTI: '7.3',
  },
  BPF_F: {
    LINK: '6.12',
    PATH_FD: '6.12',
    VTYPE_BTF_OBJ_FD: '6.12',
    TOKEN_FD: '6.12',
    SEGV_ON_FAULT: '6.12',
    NO_USER_CONV: '6.12',
  },
};
