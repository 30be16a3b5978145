import { jsonObject, type JsonObject } from './json.ts';
import { MAP_TYPE_NAMES, PROG_TYPE_NAMES, typeJson, typeName } from './names.ts';

/** What is shown of a map. */
export interface ShownMap {
  readonly id: number;
  /** `enum bpf_map_type`. */
  readonly type: number;
  readonly name: string;
  readonly flags: number;
  /** In bytes, of one key and one value. */
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  /** From the descriptor's fdinfo; undefined where there is none. */
  readonly memlock: number | undefined;
  /** Of an array of programs that has met its first program. */
  readonly owner?: { readonly progType: number; readonly jited: boolean };
  readonly frozen: boolean;
  /** 0 for none. */
  readonly btfId: number;
  readonly pinned: readonly string[] | undefined;
}

export function formatMapHeader({ id, type, name, flags }: ShownMap): string {
  const named = name === '' ? '' : `name ${name}  `;
  return `${id}: ${typeName(MAP_TYPE_NAMES, type)}  ${named}flags 0x${flags.toString(16)}\n`;
}

/** `map show` for people. */
export function formatMap(map: ShownMap): string {
  const { keySize, valueSize, maxEntries, memlock, owner } = map;
  const sizes = `\tkey ${keySize}B  value ${valueSize}B  max_entries ${maxEntries}`;
  const last = [
    ...(map.btfId === 0 ? [] : [`btf_id ${map.btfId}`]),
    ...(map.frozen ? ['frozen'] : []),
  ];
  const lines = [
    sizes + (memlock === undefined ? '' : `  memlock ${memlock}B`),
    ...(owner === undefined ? [] : [formatOwner(owner)]),
    ...(map.pinned ?? []).map((path) => `\tpinned ${path}`),
    ...(last.length === 0 ? [] : [`\t${last.join('  ')}`]),
  ];
  return `${formatMapHeader(map)}${lines.join('\n')}\n`;
}

const formatOwner = ({ progType, jited }: { progType: number; jited: boolean }): string => {
  const type = PROG_TYPE_NAMES.get(progType) ?? String(progType);
  return `\towner_prog_type ${type}  owner${jited ? '' : ' not'} jited`;
};

export const mapHeaderJson = (map: ShownMap): JsonObject['members'] =>
  jsonObject([
    ['id', map.id],
    ['type', typeJson(MAP_TYPE_NAMES, map.type)],
    ['name', map.name === '' ? undefined : map.name],
    ['flags', map.flags],
  ]).members;

/** `map show --json`. */
export const mapJson = (map: ShownMap): JsonObject =>
  jsonObject([
    ...mapHeaderJson(map),
    ['bytes_key', map.keySize],
    ['bytes_value', map.valueSize],
    ['max_entries', map.maxEntries],
    ['bytes_memlock', map.memlock],
    ['owner_prog_type', map.owner && typeJson(PROG_TYPE_NAMES, map.owner.progType)],
    ['owner_jited', map.owner?.jited],
    ['frozen', map.frozen ? 1 : 0],
    ['btf_id', map.btfId === 0 ? undefined : map.btfId],
    ['pinned', map.pinned],
  ]);
