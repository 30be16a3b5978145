import { readBtf, type Btf } from '../btf/index.ts';
import { decode, type Value } from '../client/index.ts';
import { decode as instructions, PSEUDO } from '../isa/index.ts';
import type { BpfCommand, MapCreateAttr, ObjInfo, ProgLoadAttr } from '../kernel/index.ts';
import { show } from './equal.ts';
import { hash, showBytes, type Numbering } from './names.ts';

/**
 * How values that differ from run to run are shown: `pid` as the task's name, `address` as the place in a task's
 * memory, others numbered by their first appearance.
 */
export type Volatile = 'pid' | 'address' | 'number';

/** What a recorder must know of a map to show its contents alike on every kernel. */
export interface MapNotes {
  /** Type of ring-buffer records in the object's BTF; records without one are shown as bytes. */
  readonly record?: string;
  /** By member of the record, or `key` or `value` for the whole of it. */
  readonly volatile?: Readonly<Record<string, Volatile>>;
}

/** What shows the values of bpf(2) needs to know of the scenario around it. */
export interface Surroundings {
  readonly numbering: Numbering;
  readonly maps: Readonly<Record<string, MapNotes>>;
  /** BTF that programs brought, newest last. */
  readonly btfs: Btf[];
  fd(fd: number): string;
  pid(pid: number): string;
  address(address: number): string;
}

/** Commands whose result is a descriptor. */
const GIVES_FD = new Set<string>([
  'MAP_CREATE',
  'PROG_LOAD',
  'BTF_LOAD',
  'OBJ_GET',
  'LINK_CREATE',
  'RAW_TRACEPOINT_OPEN',
  'PROG_GET_FD_BY_ID',
  'MAP_GET_FD_BY_ID',
  'BTF_GET_FD_BY_ID',
  'LINK_GET_FD_BY_ID',
  'ENABLE_STATS',
  'ITER_CREATE',
  'TOKEN_CREATE',
]);

/** Buffers that commands fill; they are shown with the result. */
const FILLED: Readonly<Partial<Record<BpfCommand | (string & {}), readonly string[]>>> = {
  MAP_LOOKUP_ELEM: ['value'],
  MAP_LOOKUP_AND_DELETE_ELEM: ['value'],
  MAP_GET_NEXT_KEY: ['nextKey'],
  MAP_LOOKUP_BATCH: ['outBatch', 'keys', 'values'],
  MAP_LOOKUP_AND_DELETE_BATCH: ['outBatch', 'keys', 'values'],
  PROG_TEST_RUN: ['dataOut', 'ctxOut'],
};

/** Members of `struct bpf_*_info` that name an object by its id, with the kind of the object. */
const OBJECT_IDS: Readonly<Record<string, string>> = {
  progId: 'prog',
  mapIds: 'map',
  btfId: 'btf',
  attachBtfObjId: 'btf',
  targetObjId: 'btf',
};

/** Depend on the machine's compiler and clock. */
const VOLATILE_INFO = new Set([
  'loadTime',
  'xlatedProgLen',
  'jitedProgLen',
  'runTimeNs',
  'runCnt',
  'verifiedInsns',
]);

type Attr = Readonly<Record<string, unknown>>;

/** Code with its map descriptors taken out, which are numbers of the process. */
function showCode(code: Uint8Array): string {
  const copy = code.slice();
  const view = new DataView(copy.buffer);
  for (const { kind, src, index } of instructions(code))
    if (kind === 'load_imm64' && (src === PSEUDO.MAP_FD || src === PSEUDO.MAP_VALUE))
      view.setInt32(index * 8 + 4, 0, true);
  return `${copy.length / 8} insns ${hash(copy)}`;
}

const littleEndian = (bytes: Uint8Array): bigint =>
  bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);

function showVolatile(kind: Volatile, member: string, value: unknown, at: Surroundings): string {
  switch (kind) {
    case 'pid':
      return at.pid(Number(value));
    case 'address':
      return at.address(Number(value));
    case 'number':
      return at.numbering.of(member, value);
    default:
      return kind satisfies never;
  }
}

function showElement(
  map: string,
  part: 'key' | 'value',
  bytes: Uint8Array,
  at: Surroundings,
): string {
  const kind = at.maps[map]?.volatile?.[part];
  return kind === undefined ? showBytes(bytes) : showVolatile(kind, part, littleEndian(bytes), at);
}

const mapOf = (attr: Attr, at: Surroundings): string =>
  typeof attr['mapFd'] === 'number' ? at.fd(attr['mapFd']).replace(/^map (\S+).*$/, '$1') : '';

function showField(name: string, value: unknown, attr: Attr, at: Surroundings): string {
  if (name.endsWith('Fd') && typeof value === 'number' && value >= 0) return at.fd(value);
  if (!(value instanceof Uint8Array)) return show(value);
  if (name === 'insns') return showCode(value);
  if (name === 'fdArray') return `${value.length / 4} fds`;
  if (name === 'key' || name === 'nextKey') return showElement(mapOf(attr, at), 'key', value, at);
  if (name === 'value') return showElement(mapOf(attr, at), 'value', value, at);
  return showBytes(value);
}

/** A command with its attributes, those that it fills left out. */
export function showCommand(command: string, attr: Attr, at: Surroundings): string {
  const filled = FILLED[command] ?? [];
  const fields = Object.entries(attr)
    .filter(([name, value]) => value !== undefined && !filled.includes(name))
    .map(([name, value]) => {
      const shown = name.endsWith('Id') && name.length > 2 && ID_ARGUMENTS.has(name);
      return `${name}: ${shown ? showId(name, value, at) : showField(name, value, attr, at)}`;
    });
  return `bpf ${command}(${fields.join(', ')})`;
}

const ID_ARGUMENTS = new Set(['progId', 'mapId', 'linkId', 'btfId']);
const showId = (name: string, value: unknown, at: Surroundings): string =>
  at.numbering.of(name.replace(/Id$/, ''), value);

/** What a command gave. @param label how a new descriptor is called. */
export function showOut(
  command: string,
  attr: Attr,
  out: unknown,
  label: string | undefined,
  at: Surroundings,
): string {
  const filled = (FILLED[command] ?? [])
    .filter((name) => attr[name] instanceof Uint8Array)
    .map((name) => `${name} ${showField(name, attr[name], attr, at)}`);
  return [label ?? showValue(command, out, at), ...filled].join(', ');
}

function showValue(command: string, out: unknown, at: Surroundings): string {
  const kind = /^(PROG|MAP|LINK|BTF)_GET_NEXT_ID$/.exec(command)?.[1];
  if (kind !== undefined) return at.numbering.of(kind.toLowerCase(), out);
  return command === 'OBJ_GET_INFO_BY_FD' ? showInfo(out as ObjInfo, at) : show(out);
}

function showInfo(info: ObjInfo, at: Surroundings): string {
  const entries = Object.entries(info).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const members = entries.flatMap(([name, value]: [string, unknown]) => {
    if (VOLATILE_INFO.has(name)) return [];
    const kind = name === 'id' ? info.kind : OBJECT_IDS[name];
    if (kind === undefined) return [`${name}: ${show(value)}`];
    const ids: readonly unknown[] = Array.isArray(value) ? value : [value];
    const shown = ids.map((id) => (id === 0 ? '0' : at.numbering.of(kind, id)));
    return [`${name}: ${Array.isArray(value) ? `[${shown.join(', ')}]` : shown[0]}`];
  });
  return `{ ${members.join(', ')} }`;
}

/** How a descriptor that a command gave is called from then on; undefined for commands that give none. */
export function newLabel(command: string, attr: Attr, at: Surroundings): string | undefined {
  if (!GIVES_FD.has(command)) return undefined;
  switch (command) {
    case 'MAP_CREATE':
      return `map ${(attr as unknown as MapCreateAttr).mapName ?? at.numbering.next('map')}`;
    case 'PROG_LOAD':
      return `prog ${(attr as unknown as ProgLoadAttr).progName ?? at.numbering.next('prog')}`;
    case 'LINK_CREATE':
    case 'RAW_TRACEPOINT_OPEN':
      return `link of ${at.fd(Number(attr['progFd']))}`;
    case 'OBJ_GET':
      return `object at ${show(attr['pathname'])}`;
    default:
      return `${command.toLowerCase()} ${at.numbering.next(command)}`;
  }
}

/** A record of a ring buffer: by the members of its type, or as bytes. */
export function showRecord(map: string, record: Uint8Array, at: Surroundings): string {
  const { record: type, volatile = {} } = at.maps[map] ?? {};
  if (type === undefined) return showBytes(record);
  const value = decodeRecord(type, record, at);
  if (typeof value !== 'object') return show(value);
  const members = Object.entries(value).map(([name, member]: [string, Value]) => {
    const kind = volatile[name];
    return `${name}: ${kind === undefined ? show(member) : showVolatile(kind, name, member, at)}`;
  });
  return `{ ${members.join(', ')} }`;
}

function decodeRecord(type: string, record: Uint8Array, { btfs }: Surroundings): Value {
  for (const btf of btfs.toReversed()) {
    const id = btf.find(type, 'struct', 'union', 'typedef');
    if (id !== undefined) return decode(btf, id, record);
  }
  throw new Error(`no BTF that was loaded has a type '${type}'`);
}

export const openBtf = (bytes: Uint8Array): Btf => readBtf(bytes, { file: 'BTF_LOAD' });
