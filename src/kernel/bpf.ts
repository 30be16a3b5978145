import type { ObjInfo } from './bpf-info.ts';

/**
 * bpf(2) as typed data. Attribute fields carry the names of `union bpf_attr` in camel case, without the union-member
 * prefix; a pointer to bytes is a `Uint8Array` here. Numbers of types and flags are Linux's (see `abi`).
 * `out` is what the call gives: a descriptor, 0, or what it wrote back.
 */
export interface BpfCommands {
  MAP_CREATE: { attr: MapCreateAttr; out: number };
  /** `value` is filled; per-CPU maps give one 8-byte aligned slot a possible CPU. */
  MAP_LOOKUP_ELEM: { attr: MapElemAttr & { readonly value: Uint8Array }; out: number };
  MAP_UPDATE_ELEM: { attr: MapElemAttr & { readonly value: Uint8Array }; out: number };
  MAP_DELETE_ELEM: { attr: MapElemAttr; out: number };
  /** `key` null asks for the first key; `nextKey` is filled. */
  MAP_GET_NEXT_KEY: {
    attr: { readonly mapFd: number; readonly key: Uint8Array | null; readonly nextKey: Uint8Array };
    out: number;
  };
  /** Queues and stacks have no key. `value` is filled. */
  MAP_LOOKUP_AND_DELETE_ELEM: {
    attr: Omit<MapElemAttr, 'key'> & {
      readonly key: Uint8Array | null;
      readonly value: Uint8Array;
    };
    out: number;
  };
  MAP_FREEZE: { attr: { readonly mapFd: number }; out: number };
  MAP_LOOKUP_BATCH: { attr: MapReadBatchAttr; out: MapBatch };
  MAP_LOOKUP_AND_DELETE_BATCH: { attr: MapReadBatchAttr; out: MapBatch };
  /** `out` is how many elements were done. */
  MAP_UPDATE_BATCH: { attr: MapWriteBatchAttr & { readonly values: Uint8Array }; out: number };
  MAP_DELETE_BATCH: { attr: MapWriteBatchAttr; out: number };
  PROG_LOAD: { attr: ProgLoadAttr; out: number };
  /** BPF_F_TOKEN_FD, the only flag there is, goes with `btfTokenFd`. */
  BTF_LOAD: { attr: { readonly btf: Uint8Array; readonly btfTokenFd?: number }; out: number };
  /** `pathFd` is a directory that `pathname` starts from (Linux 6.5). */
  OBJ_PIN: { attr: ObjAttr & { readonly bpfFd: number }; out: number };
  OBJ_GET: { attr: ObjAttr; out: number };
  PROG_ATTACH: { attr: ProgAttachAttr; out: number };
  PROG_DETACH: { attr: ProgAttachAttr; out: number };
  PROG_TEST_RUN: { attr: ProgTestRunAttr; out: ProgTestRun };
  PROG_QUERY: { attr: ProgQueryAttr; out: ProgQuery };
  /** The id after `startId`; ENOENT at the end. */
  PROG_GET_NEXT_ID: { attr: { readonly startId: number }; out: number };
  MAP_GET_NEXT_ID: { attr: { readonly startId: number }; out: number };
  BTF_GET_NEXT_ID: { attr: { readonly startId: number }; out: number };
  LINK_GET_NEXT_ID: { attr: { readonly startId: number }; out: number };
  PROG_GET_FD_BY_ID: { attr: { readonly progId: number }; out: number };
  MAP_GET_FD_BY_ID: { attr: { readonly mapId: number; readonly openFlags?: number }; out: number };
  BTF_GET_FD_BY_ID: { attr: { readonly btfId: number }; out: number };
  LINK_GET_FD_BY_ID: { attr: { readonly linkId: number }; out: number };
  /** `btf` is filled with the raw bytes of a BTF object, as many as fit. */
  OBJ_GET_INFO_BY_FD: {
    attr: { readonly bpfFd: number; readonly btf?: Uint8Array };
    out: ObjInfo;
  };
  RAW_TRACEPOINT_OPEN: { attr: { readonly progFd: number; readonly name?: string }; out: number };
  TASK_FD_QUERY: { attr: { readonly pid: number; readonly fd: number }; out: TaskFdQuery };
  LINK_CREATE: { attr: LinkCreateAttr; out: number };
  LINK_UPDATE: { attr: LinkUpdateAttr; out: number };
  LINK_DETACH: { attr: { readonly linkFd: number }; out: number };
  /** Run-time statistics are kept while the descriptor is open. `type` 0 is BPF_STATS_RUN_TIME. */
  ENABLE_STATS: { attr: { readonly type: number }; out: number };
  ITER_CREATE: { attr: { readonly linkFd: number; readonly flags?: number }; out: number };
  PROG_BIND_MAP: { attr: { readonly progFd: number; readonly mapFd: number }; out: number };
  TOKEN_CREATE: { attr: { readonly bpffsFd: number; readonly flags?: number }; out: number };
}
export type BpfCommand = keyof BpfCommands;

export interface MapCreateAttr {
  readonly mapType: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly mapFlags?: number;
  readonly innerMapFd?: number;
  readonly numaNode?: number;
  readonly mapName?: string;
  readonly btfFd?: number;
  readonly btfKeyTypeId?: number;
  readonly btfValueTypeId?: number;
  readonly mapExtra?: bigint;
  /** Needs BPF_F_TOKEN_FD in `mapFlags`. */
  readonly mapTokenFd?: number;
}
export interface MapElemAttr {
  readonly mapFd: number;
  readonly key: Uint8Array;
  readonly flags?: number;
}
/** `keys` and `values` are filled; their length says how many elements fit. */
export interface MapReadBatchAttr {
  readonly mapFd: number;
  /** Where the last call ended; null to start. */
  readonly inBatch: Uint8Array | null;
  readonly outBatch: Uint8Array;
  readonly keys: Uint8Array;
  readonly values: Uint8Array;
  readonly count: number;
  readonly elemFlags?: bigint;
}
export interface MapWriteBatchAttr {
  readonly mapFd: number;
  readonly keys: Uint8Array;
  readonly count: number;
  readonly elemFlags?: bigint;
}
export interface MapBatch {
  readonly count: number;
  /** The map has no element beyond these (the call said ENOENT). */
  readonly last: boolean;
}
export interface ProgLoadAttr {
  readonly progType: number;
  readonly insns: Uint8Array;
  readonly license: string;
  readonly progFlags?: number;
  readonly progName?: string;
  readonly expectedAttachType?: number;
  readonly progBtfFd?: number;
  /** Records of `struct bpf_func_info` (8 bytes each). */
  readonly funcInfo?: Uint8Array;
  /** Records of `struct bpf_line_info` (16 bytes each). */
  readonly lineInfo?: Uint8Array;
  readonly attachBtfId?: number;
  readonly attachProgFd?: number;
  /** The BTF that `attachBtfId` counts in: a module's; absent for the kernel's own. Shares its place with the above. */
  readonly attachBtfObjFd?: number;
  readonly kernVersion?: number;
  /** int32 descriptors that instructions name by index. */
  readonly fdArray?: Uint8Array;
  /** Needs BPF_F_TOKEN_FD in `progFlags`. */
  readonly progTokenFd?: number;
}
export interface ObjAttr {
  readonly pathname: string;
  /** BPF_F_RDONLY, BPF_F_WRONLY for maps; BPF_F_PATH_FD with `pathFd`. */
  readonly fileFlags?: number;
  readonly pathFd?: number;
}
export interface ProgAttachAttr {
  readonly targetFd: number;
  readonly attachBpfFd?: number;
  readonly attachType: number;
  readonly attachFlags?: number;
  readonly replaceBpfFd?: number;
  readonly expectedRevision?: bigint;
}
export interface ProgTestRunAttr {
  readonly progFd: number;
  readonly dataIn?: Uint8Array;
  /** Filled with the packet as the program left it. */
  readonly dataOut?: Uint8Array;
  readonly ctxIn?: Uint8Array;
  readonly ctxOut?: Uint8Array;
  readonly repeat?: number;
  readonly flags?: number;
  readonly cpu?: number;
}
export interface ProgTestRun {
  readonly retval: number;
  /** Nanoseconds of one run, averaged. */
  readonly duration: number;
  readonly dataSizeOut: number;
  readonly ctxSizeOut: number;
}
export interface ProgQueryAttr {
  readonly targetFd: number;
  readonly attachType: number;
  /** BPF_F_QUERY_EFFECTIVE 1. */
  readonly queryFlags?: number;
}
export interface ProgQuery {
  readonly attachFlags: number;
  readonly progIds: readonly number[];
  /** By program; empty where the kernel does not tell. */
  readonly progAttachFlags: readonly number[];
}
export interface TaskFdQuery {
  readonly progId: number;
  /** `enum bpf_task_fd_type`. */
  readonly fdType: number;
  readonly name: string;
  readonly probeOffset: bigint;
  readonly probeAddr: bigint;
}
export interface LinkCreateAttr {
  readonly progFd: number;
  readonly attachType: number;
  readonly targetFd?: number;
  readonly flags?: number;
  readonly targetBtfId?: number;
}
export interface LinkUpdateAttr {
  readonly linkFd: number;
  readonly newProgFd: number;
  /** BPF_F_REPLACE 4 demands that `oldProgFd` is what is attached now. */
  readonly flags?: number;
  readonly oldProgFd?: number;
}

/** A negative answer carries the errno and, where it is known, the true reason; never a guess made from the errno. */
export type BpfResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly errno: number; readonly reason: string; readonly log?: string };
