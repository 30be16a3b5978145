/**
 * bpf(2) as typed data. Attribute fields carry the names of `union bpf_attr` in camel case, without the union-member
 * prefix; a pointer to bytes is a `Uint8Array` here. Numbers of types and flags are Linux's (see `abi`).
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
  MAP_FREEZE: { attr: { readonly mapFd: number }; out: number };
  PROG_LOAD: { attr: ProgLoadAttr; out: number };
  BTF_LOAD: { attr: { readonly btf: Uint8Array }; out: number };
  LINK_CREATE: { attr: LinkCreateAttr; out: number };
  RAW_TRACEPOINT_OPEN: { attr: { readonly progFd: number; readonly name?: string }; out: number };
  OBJ_GET_INFO_BY_FD: { attr: { readonly bpfFd: number }; out: ObjInfo };
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
}
export interface MapElemAttr {
  readonly mapFd: number;
  readonly key: Uint8Array;
  readonly flags?: number;
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
}
export interface LinkCreateAttr {
  readonly progFd: number;
  readonly attachType: number;
  readonly targetFd?: number;
}

/** What OBJ_GET_INFO_BY_FD tells, by the kind of the fd. */
export type ObjInfo =
  | {
      readonly kind: 'prog';
      readonly type: number;
      readonly id: number;
      readonly tag: string;
      readonly name: string;
      readonly mapIds: readonly number[];
      readonly btfId: number;
    }
  | {
      readonly kind: 'map';
      readonly type: number;
      readonly id: number;
      readonly name: string;
      readonly keySize: number;
      readonly valueSize: number;
      readonly maxEntries: number;
      readonly mapFlags: number;
    }
  | {
      readonly kind: 'link';
      readonly type: number;
      readonly id: number;
      readonly progId: number;
      readonly attachType: number;
      readonly targetBtfId: number;
    }
  | { readonly kind: 'btf'; readonly id: number; readonly size: number };

/** A negative answer carries the errno and, where it is known, the true reason; never a guess made from the errno. */
export type BpfResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly errno: number; readonly reason: string; readonly log?: string };
