import { BPF_LINK_TYPE } from '../../abi/index.ts';
import { jsonObject, type Json, type JsonObject } from './json.ts';
import {
  ATTACH_TYPE_NAMES,
  LINK_TYPE_NAMES,
  PROG_TYPE_NAMES,
  typeJson,
  typeName,
} from './names.ts';

/** What is shown of a link. */
export interface ShownLink {
  readonly id: number;
  /** `enum bpf_link_type`. */
  readonly type: number;
  readonly progId: number;
  /** `enum bpf_prog_type` of the program; known of tracing links. */
  readonly progType: number | undefined;
  readonly attachType: number;
  /** Of tracing links: the BTF object and the type in it that the program is attached to; 0 when there is none. */
  readonly targetObjId: number;
  readonly targetBtfId: number;
  /** Of tracing links, where the kernel tells it (Linux 7.3). */
  readonly cookie?: bigint;
  /** Of cgroup links: 0 when the cgroup is gone. */
  readonly cgroupId: bigint;
  readonly pinned: readonly string[] | undefined;
}

/** bpftool ends each item with two spaces, the last of a line too. */
const items = (...texts: readonly string[]): string => texts.map((text) => `${text}  `).join('');

function details(link: ShownLink): readonly string[] {
  const attach = `attach_type ${ATTACH_TYPE_NAMES.get(link.attachType) ?? link.attachType}`;
  if (link.type === BPF_LINK_TYPE.CGROUP) return [items(`cgroup_id ${link.cgroupId}`, attach)];
  if (link.type !== BPF_LINK_TYPE.TRACING) return [];
  const progType = link.progType ?? 0;
  const first = items(`prog_type ${PROG_TYPE_NAMES.get(progType) ?? progType}`, attach);
  const { targetObjId, targetBtfId } = link;
  if (targetObjId === 0 && targetBtfId === 0) return [first];
  return [first, items(`target_obj_id ${targetObjId}`, `target_btf_id ${targetBtfId}`)];
}

/** `link show` for people. */
export function formatLink(link: ShownLink): string {
  const head = `${link.id}: ${items(typeName(LINK_TYPE_NAMES, link.type), `prog ${link.progId}`)}`;
  const lines = [...details(link), ...(link.pinned ?? []).map((path) => `pinned ${path}`)];
  return `${[head, ...lines.map((line) => `\t${line}`)].join('\n')}\n`;
}

function detailsJson(link: ShownLink): readonly (readonly [string, Json | undefined])[] {
  const attach = ['attach_type', typeJson(ATTACH_TYPE_NAMES, link.attachType)] as const;
  if (link.type === BPF_LINK_TYPE.CGROUP) return [['cgroup_id', link.cgroupId], attach];
  if (link.type !== BPF_LINK_TYPE.TRACING) return [];
  return [
    ['prog_type', typeJson(PROG_TYPE_NAMES, link.progType ?? 0)],
    attach,
    ['target_obj_id', link.targetObjId],
    ['target_btf_id', link.targetBtfId],
    ['cookie', link.cookie],
  ];
}

/** `link show --json`. */
export const linkJson = (link: ShownLink): JsonObject =>
  jsonObject([
    ['id', link.id],
    ['type', typeJson(LINK_TYPE_NAMES, link.type)],
    ['prog_id', link.progId],
    ...detailsJson(link),
    ['pinned', link.pinned],
  ]);
