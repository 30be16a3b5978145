/**
 * What OBJ_GET_INFO_BY_FD tells, by the kind of the descriptor. Fields carry the names of `struct bpf_*_info` in camel
 * case; what a kernel's structure lacks is 0, as the kernel itself would leave it.
 */
export type ObjInfo = ProgInfo | MapInfo | LinkInfo | BtfInfo | TokenInfo;

export interface ProgInfo {
  readonly kind: 'prog';
  readonly type: number;
  readonly id: number;
  /** 16 hex digits. */
  readonly tag: string;
  /** At most 15 bytes; the whole name of a longer one is that of its function in the BTF. */
  readonly name: string;
  readonly gplCompatible: boolean;
  /** Nanoseconds since boot. */
  readonly loadTime: bigint;
  readonly createdByUid: number;
  /** In bytes, after the verifier's rewriting; 0 for callers without CAP_BPF. */
  readonly xlatedProgLen: number;
  /** In bytes; 0 when the program is interpreted. */
  readonly jitedProgLen: number;
  readonly mapIds: readonly number[];
  readonly btfId: number;
  readonly runTimeNs: bigint;
  readonly runCnt: bigint;
  readonly recursionMisses: bigint;
  /** Instructions that the verifier walked; undefined where the kernel does not count them. */
  readonly verifiedInsns: number | undefined;
  readonly attachBtfObjId: number;
  readonly attachBtfId: number;
  /** BTF id of the main function, for its whole name; 0 when unknown. */
  readonly funcInfoTypeId: number;
}
export interface MapInfo {
  readonly kind: 'map';
  readonly type: number;
  readonly id: number;
  readonly name: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly mapFlags: number;
  readonly btfId: number;
  readonly btfKeyTypeId: number;
  readonly btfValueTypeId: number;
  readonly mapExtra: bigint;
}
export interface LinkInfo {
  readonly kind: 'link';
  readonly id: number;
  /** `enum bpf_link_type`. */
  readonly type: number;
  readonly progId: number;
  /** `enum bpf_attach_type`; 0 for links that have none. */
  readonly attachType: number;
  /** Of tracing links; 0 for others. */
  readonly targetObjId: number;
  readonly targetBtfId: number;
  /** Of cgroup links; 0 when the cgroup is gone, and for others. */
  readonly cgroupId: bigint;
  /** Of raw tracepoints and iterators: the name of what they are on. */
  readonly targetName?: string;
  /** Of links on a network device. */
  readonly ifindex?: number;
  /** Of links on a network namespace: its inode. */
  readonly netnsIno?: number;
  /** Of links that carry a map: struct_ops, sockmap, iterators over a map's elements. */
  readonly mapId?: number;
}
export interface BtfInfo {
  readonly kind: 'btf';
  readonly id: number;
  readonly size: number;
  /** `vmlinux` or a module; empty for BTF that programs brought. */
  readonly name: string;
  readonly kernelBtf: boolean;
}
/** Linux 6.18. */
export interface TokenInfo {
  readonly kind: 'token';
  readonly allowedCmds: bigint;
  readonly allowedMaps: bigint;
  readonly allowedProgs: bigint;
  readonly allowedAttachs: bigint;
}
