import { jsonObject, type JsonObject } from './json.ts';
import { PROG_TYPE_NAMES, typeJson, typeName } from './names.ts';

/** What is shown of a program. */
export interface ShownProg {
  readonly id: number;
  /** `enum bpf_prog_type`. */
  readonly type: number;
  /** The whole name, from the BTF of its function if it is too long for the kernel's 15 bytes. */
  readonly name: string;
  /** 16 hex digits. */
  readonly tag: string;
  readonly gplCompatible: boolean;
  readonly runTimeNs: bigint;
  readonly runCnt: bigint;
  readonly recursionMisses: bigint;
  /** In seconds since 1970; undefined where the kernel does not tell. */
  readonly loadedAt: number | undefined;
  readonly uid: number;
  readonly xlatedBytes: number;
  /** 0 when the program is interpreted. */
  readonly jitedBytes: number;
  /** From the descriptor's fdinfo; undefined where there is none. */
  readonly memlock: number | undefined;
  readonly mapIds: readonly number[];
  /** 0 for none. */
  readonly btfId: number;
  /** Undefined when nobody asked where objects are pinned, or nothing is. */
  readonly pinned: readonly string[] | undefined;
}

const two = (number: number): string => String(number).padStart(2, '0');

/** strftime's %FT%T%z, in the time zone of this process. */
export function isoTime(seconds: number): string {
  const time = new Date(seconds * 1000);
  const offset = -time.getTimezoneOffset();
  const sign = offset < 0 ? '-' : '+';
  const zone = `${sign}${two(Math.floor(Math.abs(offset) / 60))}${two(Math.abs(offset) % 60)}`;
  const date = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join('-');
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(':');
  return `${date}T${clock}${zone}`;
}

/** `prog show` for people. */
export function formatProg(prog: ShownProg): string {
  const name = prog.name === '' ? '' : `name ${prog.name}  `;
  const ran = prog.runTimeNs === 0n ? '' : ` run_time_ns ${prog.runTimeNs} run_cnt ${prog.runCnt}`;
  const missed = prog.recursionMisses === 0n ? '' : ` recursion_misses ${prog.recursionMisses}`;
  const gpl = prog.gplCompatible ? '  gpl' : '';
  const head = `${prog.id}: ${typeName(PROG_TYPE_NAMES, prog.type)}  ${name}tag ${prog.tag}`;
  const sizes = [
    `xlated ${prog.xlatedBytes}B`,
    prog.jitedBytes === 0 ? 'not jited' : `jited ${prog.jitedBytes}B`,
    ...(prog.memlock === undefined ? [] : [`memlock ${prog.memlock}B`]),
    ...(prog.mapIds.length === 0 ? [] : [`map_ids ${prog.mapIds.join(',')}`]),
  ];
  const lines = [
    `${head}${gpl}${ran}${missed}`,
    ...(prog.loadedAt === undefined
      ? []
      : [`\tloaded_at ${isoTime(prog.loadedAt)}  uid ${prog.uid}`]),
    `\t${sizes.join('  ')}`,
    ...(prog.pinned ?? []).map((path) => `\tpinned ${path}`),
    ...(prog.btfId === 0 ? [] : [`\tbtf_id ${prog.btfId}`]),
  ];
  return `${lines.join('\n')}\n`;
}

/** `prog show --json`. */
export function progJson(prog: ShownProg): JsonObject {
  const ran = prog.runTimeNs !== 0n;
  const loaded = prog.loadedAt !== undefined;
  return jsonObject([
    ['id', prog.id],
    ['type', typeJson(PROG_TYPE_NAMES, prog.type)],
    ['name', prog.name === '' ? undefined : prog.name],
    ['tag', prog.tag],
    ['gpl_compatible', prog.gplCompatible],
    ['run_time_ns', ran ? prog.runTimeNs : undefined],
    ['run_cnt', ran ? prog.runCnt : undefined],
    ['recursion_misses', prog.recursionMisses === 0n ? undefined : prog.recursionMisses],
    ['loaded_at', prog.loadedAt],
    ['uid', loaded ? prog.uid : undefined],
    // The kernel has no way to list an offloaded program whose device is gone but to fail its query.
    ['orphaned', false],
    ['bytes_xlated', prog.xlatedBytes],
    ['jited', prog.jitedBytes !== 0],
    ['bytes_jited', prog.jitedBytes === 0 ? undefined : prog.jitedBytes],
    ['bytes_memlock', prog.memlock],
    ['map_ids', prog.mapIds.length === 0 ? undefined : prog.mapIds],
    ['btf_id', prog.btfId === 0 ? undefined : prog.btfId],
    ['pinned', prog.pinned],
  ]);
}
