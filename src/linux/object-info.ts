import {
  BPF_ATTACH_TYPE,
  BPF_LINK_TYPE,
  BPF_STRUCT,
  ERRNO,
  type FieldLayout,
  STRUCT_SIZE,
} from '../abi/index.ts';
import type {
  BtfInfo,
  LinkInfo,
  MapInfo,
  ObjInfo,
  ProgInfo,
  TokenInfo,
} from '../kernel/bpf-info.ts';
import type { BpfCommands, BpfResult } from '../kernel/bpf.ts';
import { type Block, type Executor, textOf } from './executor.ts';
import { failure } from './failure.ts';
import { type FdKind, kindOfFd } from './fd-kind.ts';
import { invoke } from './invoke.ts';

type Layout = Readonly<Record<string, FieldLayout>>;

const LAYOUTS: Readonly<Record<FdKind, Layout>> = {
  prog: BPF_STRUCT.bpf_prog_info,
  map: BPF_STRUCT.bpf_map_info,
  link: BPF_STRUCT.bpf_link_info,
  btf: BPF_STRUCT.bpf_btf_info,
  token: BPF_STRUCT.bpf_token_info,
};

/** `gpl_compatible` is a bitfield of one bit, at this byte of `struct bpf_prog_info`. */
const GPL_COMPATIBLE = 84;
/** Names of modules and tracepoints are shorter. */
const NAME_ROOM = 128;
/** Links whose target has a name, and the field that points to it. */
const LINK_NAMES: Readonly<Record<number, string>> = {
  [BPF_LINK_TYPE.RAW_TRACEPOINT]: 'raw_tracepoint.tp_name',
  [BPF_LINK_TYPE.ITER]: 'iter.target_name',
};

/** Enough for each of the structures; the kernel takes a longer one if the rest is zero. */
const INFO_ROOM = Math.max(...Object.values(STRUCT_SIZE.bpf_prog_info)) + 64;

/** What one call of OBJ_GET_INFO_BY_FD filled. */
class Info {
  readonly bytes = new Uint8Array(INFO_ROOM);
  readonly pointers: { offset: number; to: Block }[] = [];
  /** Of the kernel's own structure, in bytes. */
  size = 0;
  readonly #layout: Layout;
  readonly #view = new DataView(this.bytes.buffer);

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  #field(name: string): FieldLayout {
    const field = this.#layout[name];
    if (field === undefined) throw new TypeError(`no structure of object info has ${name} here`);
    return field;
  }

  u32(name: string): number {
    return this.#view.getUint32(this.#field(name).offset, true);
  }
  u64(name: string): bigint {
    return this.#view.getBigUint64(this.#field(name).offset, true);
  }
  raw(name: string): Uint8Array {
    const { offset, size } = this.#field(name);
    return this.bytes.subarray(offset, offset + size);
  }
  text(name: string): string {
    return textOf(this.raw(name));
  }
  setU32(name: string, value: number): void {
    this.#view.setUint32(this.#field(name).offset, value, true);
  }
  /** Gives the kernel room for what a pointer of the structure is to show. */
  point(name: string, bytes: Uint8Array): void {
    this.pointers.push({ offset: this.#field(name).offset, to: { bytes } });
  }
}

/** Everything the kernel tells of the object behind a descriptor. */
export function objectInfo(
  executor: Executor,
  { bpfFd: fd, btf }: BpfCommands['OBJ_GET_INFO_BY_FD']['attr'],
): BpfResult<ObjInfo> {
  const asker: Asker = { executor, fd, btf };
  const first = ask(asker, new Info({}));
  if (!first.ok) return first;
  const known = kindOfFd(executor, fd);
  const kind = known in LAYOUTS ? (known as FdKind) : kindBySize(first.value.size);
  if (kind === undefined) {
    const reason = `fd ${fd} is a bpf object whose kind only /proc could tell`;
    return { ok: false, errno: ERRNO.EINVAL, reason };
  }
  return READERS[kind](asker);
}

interface Asker {
  readonly executor: Executor;
  readonly fd: number;
  /** Room for the bytes of a BTF object. */
  readonly btf: Uint8Array | undefined;
}

function ask({ executor, fd }: Asker, info: Info): BpfResult<Info> {
  const { bytes, pointers } = info;
  const fields = { bpfFd: fd, infoLen: bytes.length, info: { bytes, pointers } };
  const { value, attr } = invoke(executor, 'OBJ_GET_INFO_BY_FD', fields);
  info.size = attr.u32('info_len');
  if (value >= 0) return { ok: true, value: info };
  const refused = failure(executor, 'OBJ_GET_INFO_BY_FD', fields, -value);
  const kind = kindOfFd(executor, fd);
  if (kind === 'closed') return { ...refused, reason: `fd ${fd} is not open` };
  if (kind === 'other') return { ...refused, reason: `fd ${fd} is no bpf object` };
  return refused;
}

/**
 * The kind of an object by the length of its structure, for tasks without /proc. Where a token has one too it is as
 * long as that of BTF, and which of them it is stays untold.
 */
function kindBySize(size: number): FdKind | undefined {
  const kinds = (Object.keys(LAYOUTS) as FdKind[]).filter((kind) =>
    (Object.values(STRUCT_SIZE[`bpf_${kind}_info`]) as number[]).includes(size),
  );
  return kinds.length === 1 ? kinds[0] : undefined;
}

const READERS: { readonly [K in FdKind]: (asker: Asker) => BpfResult<ObjInfo> } = {
  prog: progInfo,
  map: mapInfo,
  link: linkInfo,
  btf: btfInfo,
  token: tokenInfo,
};

function progInfo(asker: Asker): BpfResult<ProgInfo> {
  const counts = ask(asker, new Info(LAYOUTS.prog));
  if (!counts.ok) return counts;
  const info = new Info(LAYOUTS.prog);
  const mapIds = new Uint32Array(counts.value.u32('nr_map_ids'));
  info.setU32('nr_map_ids', mapIds.length);
  info.point('map_ids', new Uint8Array(mapIds.buffer));
  const mainFunction = new Uint32Array(2);
  if (counts.value.u32('nr_func_info') > 0) {
    info.setU32('nr_func_info', 1);
    info.setU32('func_info_rec_size', mainFunction.byteLength);
    info.point('func_info', new Uint8Array(mainFunction.buffer));
  }
  const whole = ask(asker, info);
  if (!whole.ok) return whole;
  const value: ProgInfo = {
    kind: 'prog',
    type: info.u32('type'),
    id: info.u32('id'),
    tag: Buffer.from(info.raw('tag')).toString('hex'),
    name: info.text('name'),
    gplCompatible: ((info.bytes[GPL_COMPATIBLE] ?? 0) & 1) === 1,
    loadTime: info.u64('load_time'),
    createdByUid: info.u32('created_by_uid'),
    xlatedProgLen: info.u32('xlated_prog_len'),
    jitedProgLen: info.u32('jited_prog_len'),
    mapIds: [...mapIds.subarray(0, info.u32('nr_map_ids'))],
    btfId: info.u32('btf_id'),
    runTimeNs: info.u64('run_time_ns'),
    runCnt: info.u64('run_cnt'),
    recursionMisses: info.u64('recursion_misses'),
    verifiedInsns: info.u32('verified_insns'),
    attachBtfObjId: info.u32('attach_btf_obj_id'),
    attachBtfId: info.u32('attach_btf_id'),
    funcInfoTypeId: mainFunction[1] ?? 0,
  };
  return { ok: true, value };
}

function mapInfo(asker: Asker): BpfResult<MapInfo> {
  const info = ask(asker, new Info(LAYOUTS.map));
  if (!info.ok) return info;
  const { value: map } = info;
  const value: MapInfo = {
    kind: 'map',
    type: map.u32('type'),
    id: map.u32('id'),
    name: map.text('name'),
    keySize: map.u32('key_size'),
    valueSize: map.u32('value_size'),
    maxEntries: map.u32('max_entries'),
    mapFlags: map.u32('map_flags'),
    btfId: map.u32('btf_id'),
    btfKeyTypeId: map.u32('btf_key_type_id'),
    btfValueTypeId: map.u32('btf_value_type_id'),
    mapExtra: map.u64('map_extra'),
  };
  return { ok: true, value };
}

function btfInfo(asker: Asker): BpfResult<BtfInfo> {
  const info = new Info(LAYOUTS.btf);
  const name = new Uint8Array(NAME_ROOM);
  info.setU32('name_len', name.length);
  info.point('name', name);
  if (asker.btf !== undefined) {
    info.setU32('btf_size', asker.btf.length);
    info.point('btf', asker.btf);
  }
  const told = ask(asker, info);
  if (!told.ok) return told;
  const value: BtfInfo = {
    kind: 'btf',
    id: info.u32('id'),
    size: info.u32('btf_size'),
    name: textOf(name),
    kernelBtf: info.u32('kernel_btf') !== 0,
  };
  return { ok: true, value };
}

function tokenInfo(asker: Asker): BpfResult<TokenInfo> {
  const info = ask(asker, new Info(LAYOUTS.token));
  if (!info.ok) return info;
  const value: TokenInfo = {
    kind: 'token',
    allowedCmds: info.value.u64('allowed_cmds'),
    allowedMaps: info.value.u64('allowed_maps'),
    allowedProgs: info.value.u64('allowed_progs'),
    allowedAttachs: info.value.u64('allowed_attachs'),
  };
  return { ok: true, value };
}

function linkInfo(asker: Asker): BpfResult<LinkInfo> {
  const info = ask(asker, new Info(LAYOUTS.link));
  if (!info.ok) return info;
  const { value: link } = info;
  const common = {
    kind: 'link',
    type: link.u32('type'),
    id: link.u32('id'),
    progId: link.u32('prog_id'),
    attachType: 0,
    targetObjId: 0,
    targetBtfId: 0,
    cgroupId: 0n,
  } as const;
  const more = aboutLink(link);
  const nameField = LINK_NAMES[common.type];
  if (nameField === undefined) return { ok: true, value: { ...common, ...more } };
  const named = new Info(LAYOUTS.link);
  const name = new Uint8Array(NAME_ROOM);
  named.setU32(`${nameField}_len`, name.length);
  named.point(nameField, name);
  const told = ask(asker, named);
  if (!told.ok) return told;
  return { ok: true, value: { ...common, ...more, targetName: textOf(name) } };
}

/** What the kind of a link adds. Kinds of which nothing is told here give what all links have. */
function aboutLink(link: Info): Partial<LinkInfo> {
  const attached = (kind: string): Partial<LinkInfo> => ({
    attachType: link.u32(`${kind}.attach_type`),
  });
  switch (link.u32('type')) {
    case BPF_LINK_TYPE.TRACING: {
      const target = {
        targetObjId: link.u32('tracing.target_obj_id'),
        targetBtfId: link.u32('tracing.target_btf_id'),
      };
      return { ...attached('tracing'), ...target };
    }
    case BPF_LINK_TYPE.CGROUP:
      return { ...attached('cgroup'), cgroupId: link.u64('cgroup.cgroup_id') };
    case BPF_LINK_TYPE.NETNS:
      return { ...attached('netns'), netnsIno: link.u32('netns.netns_ino') };
    case BPF_LINK_TYPE.XDP:
      return { attachType: BPF_ATTACH_TYPE.XDP, ifindex: link.u32('xdp.ifindex') };
    case BPF_LINK_TYPE.TCX:
      return { ...attached('tcx'), ifindex: link.u32('tcx.ifindex') };
    case BPF_LINK_TYPE.NETKIT:
      return { ...attached('netkit'), ifindex: link.u32('netkit.ifindex') };
    case BPF_LINK_TYPE.SOCKMAP:
      return { ...attached('sockmap'), mapId: link.u32('sockmap.map_id') };
    case BPF_LINK_TYPE.STRUCT_OPS:
      return { attachType: BPF_ATTACH_TYPE.STRUCT_OPS, mapId: link.u32('struct_ops.map_id') };
    case BPF_LINK_TYPE.ITER: {
      const mapId = link.u32('iter.map.map_id');
      return { attachType: BPF_ATTACH_TYPE.TRACE_ITER, ...(mapId !== 0 && { mapId }) };
    }
    default:
      return {};
  }
}
