import type { Btf, TypeId } from '../../btf/index.ts';
import { jsonObject, type Json, type JsonObject } from './json.ts';
import { valueJson, type ValueStyle } from './value.ts';

/** An element of a map: its key, and one value, or one for each possible CPU. */
export interface ShownEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array | readonly Uint8Array[];
}

/** The types of a map's elements. */
export interface EntryTypes {
  readonly btf: Btf;
  /** 0 for maps without keys. */
  readonly key: TypeId;
  readonly value: TypeId;
}

const byte = (value: number): string => value.toString(16).padStart(2, '0');

/** `01 00 00 00` */
export const hexBytes = (bytes: Uint8Array): string => [...bytes].map(byte).join(' ');

const hexJson = (bytes: Uint8Array): Json => [...bytes].map((value) => `0x${byte(value)}`);

const LONG = 16;
const ONE_LINE = 24;

function formatPair(key: Uint8Array, value: Uint8Array | string): string {
  const isLong = key.length > LONG || value.length > LONG;
  const separator = !isLong && key.length + value.length <= ONE_LINE ? '  ' : '\n';
  const space = isLong ? '\n' : ' ';
  const parts = [
    ...(key.length > 0 ? [`key:${space}${hexBytes(key)}`] : []),
    ...(value.length > 0
      ? [`value:${space}${typeof value === 'string' ? value : hexBytes(value)}`]
      : []),
  ];
  return `${parts.join(separator)}\n`;
}

/** An element in hexadecimal, for people. */
export function formatEntry({ key, value }: ShownEntry): string {
  if (value instanceof Uint8Array) return formatPair(key, value);
  const values = value.map((one, cpu) => {
    const space = one.length > LONG ? '\n' : ' ';
    return `value (CPU ${String(cpu).padStart(2, '0')}):${space}${hexBytes(one)}\n`;
  });
  const keyLines = key.length > 0 ? `key:\n${hexBytes(key)}\n` : '';
  return keyLines + values.join('');
}

/** An element whose value could not be read, for people. */
export const formatUnreadable = (key: Uint8Array, why: string): string => formatPair(key, why);

export const unreadableJson = (key: Uint8Array, why: string): JsonObject =>
  jsonObject([
    ['key', hexJson(key)],
    ['value', jsonObject([['error', why]])],
  ]);

const perCpu = (values: readonly Uint8Array[], show: (value: Uint8Array) => Json): Json =>
  values.map((value, cpu) =>
    jsonObject([
      ['cpu', cpu],
      ['value', show(value)],
    ]),
  );

/** An element with the values that its types give it. */
export function typedEntry(
  { key, value }: ShownEntry,
  types: EntryTypes,
  style: ValueStyle,
): JsonObject {
  const one = (bytes: Uint8Array): Json => valueJson(types.btf, types.value, bytes, style);
  const typedKey = types.key === 0 ? undefined : valueJson(types.btf, types.key, key, style);
  return jsonObject([
    ['key', typedKey],
    value instanceof Uint8Array ? ['value', one(value)] : ['values', perCpu(value, one)],
  ]);
}

/** An element in JSON: its bytes and, if the map has types, its values. */
export const entryJson = (entry: ShownEntry, types?: EntryTypes): JsonObject =>
  jsonObject([
    ['key', hexJson(entry.key)],
    entry.value instanceof Uint8Array
      ? ['value', hexJson(entry.value)]
      : ['values', perCpu(entry.value, hexJson)],
    ['formatted', types === undefined ? undefined : typedEntry(entry, types, { plain: false })],
  ]);

/** `map getnext`. */
export const formatNextKey = (key: Uint8Array | null, next: Uint8Array): string =>
  `${key === null ? 'key: None' : `key:\n${hexBytes(key)}`}\nnext key:\n${hexBytes(next)}\n`;

export const nextKeyJson = (key: Uint8Array | null, next: Uint8Array): JsonObject =>
  jsonObject([
    ['key', key === null ? null : hexJson(key)],
    ['next_key', hexJson(next)],
  ]);
