import { BPF_MAP_TYPE, ERRNO, errnoText } from '../../abi/index.ts';
import { takeNumber, type Args } from '../bpftool/args.ts';
import {
  elementError,
  HOLDS_MAPS,
  readEntry,
  typesOf,
  type MapInfo,
  type ReadEntry,
} from '../bpftool/elements.ts';
import {
  entryJson,
  formatEntry,
  formatUnreadable,
  typedEntry,
  unreadableJson,
  type EntryTypes,
} from '../bpftool/entry.ts';
import { jsonObject, jsonText, type Json } from '../bpftool/json.ts';
import {
  formatMap,
  formatMapHeader,
  mapHeaderJson,
  mapJson,
  type ShownMap,
} from '../bpftool/map.ts';
import { MAP_TYPE_NAMES } from '../bpftool/names.ts';
import {
  call,
  eachObject,
  fdinfoNumber,
  infoOf,
  pin,
  pinnedPaths,
  selectMany,
  selectOne,
  using,
} from '../bpftool/objects.ts';
import { BpftoolError, done, type Session } from '../bpftool/session.ts';
import { pinsOf, printObjects } from './prog.ts';

type Pins = ReadonlyMap<number, readonly string[]>;

function shownMap(session: Session, info: MapInfo, fd: number, pins: Pins | undefined): ShownMap {
  const progType = fdinfoNumber(session, fd, 'owner_prog_type');
  const owner = { progType: progType ?? 0, jited: fdinfoNumber(session, fd, 'owner_jited') === 1 };
  return {
    ...info,
    flags: info.mapFlags,
    memlock: fdinfoNumber(session, fd, 'memlock'),
    ...(progType === undefined ? {} : { owner }),
    frozen: fdinfoNumber(session, fd, 'frozen') === 1,
    pinned: pinsOf(pins, info.id),
  };
}

/** `map show [id N | name N | pinned PATH]` */
export async function showMaps(session: Session, args: Args): Promise<void> {
  const pins = session.showPinned ? await pinnedPaths(session, 'map') : undefined;
  const maps: ShownMap[] = [];
  const asked = args.hasHandle();
  if (asked) {
    for (const fd of await selectMany(session, 'map', args))
      await using(session, fd, async () => {
        maps.push(shownMap(session, await infoOf(session, 'map', fd), fd, pins));
      });
  } else {
    await eachObject(session, 'map', async (info, fd) => {
      maps.push(shownMap(session, info, fd, pins));
    });
  }
  printObjects(session, maps, asked, { text: formatMap, json: mapJson });
}

/** All elements in the kernel's order. An empty slot of an array of maps or programs is no element. */
async function readEntries(
  session: Session,
  info: MapInfo,
  fd: number,
): Promise<readonly ReadEntry[]> {
  const entries: ReadEntry[] = [];
  const holdsObjects = HOLDS_MAPS.has(info.type) || info.type === BPF_MAP_TYPE.PROG_ARRAY;
  for (let key: Uint8Array | null = null; ;) {
    const nextKey = new Uint8Array(info.keySize);
    const next = await session.kernel.self.bpf('MAP_GET_NEXT_KEY', { mapFd: fd, key, nextKey });
    if (!next.ok) {
      if (next.errno === ERRNO.ENOENT) return entries;
      throw elementError("can't get next key", next.errno);
    }
    const entry = await readEntry(session, info, fd, nextKey);
    if (!('errno' in entry && entry.errno === ERRNO.ENOENT && holdsObjects)) entries.push(entry);
    key = nextKey;
  }
}

const whyUnreadable = (errno: number): string =>
  errno === ERRNO.ENOENT ? '<no entry>' : errnoText(errno);

interface Dump {
  readonly map: ShownMap;
  readonly types: EntryTypes | undefined;
  readonly entries: readonly ReadEntry[];
}

function entriesJson({ entries, types }: Dump, plain: boolean): Json {
  return entries.map((entry) => {
    if ('errno' in entry) return unreadableJson(entry.key, errnoText(entry.errno));
    if (plain && types !== undefined) return typedEntry(entry, types, { plain: true });
    return entryJson(entry, types);
  });
}

function dumpText({ entries }: Dump): string {
  const texts = entries.map((entry) =>
    'errno' in entry ? formatUnreadable(entry.key, whyUnreadable(entry.errno)) : formatEntry(entry),
  );
  const count = entries.filter((entry) => !('errno' in entry)).length;
  return `${texts.join('')}Found ${count} element${count === 1 ? '' : 's'}\n`;
}

/** Several maps are told apart by a header each. */
function printDumps(session: Session, dumps: readonly Dump[]): void {
  const { json, pretty } = session.output;
  const several = dumps.length > 1;
  const typed = dumps.every((dump) => dump.types !== undefined);
  if (!json && !typed) {
    const texts = dumps.map((dump) => (several ? formatMapHeader(dump.map) : '') + dumpText(dump));
    session.write(texts.join('\n'));
    return;
  }
  const values = dumps.map((dump): Json => {
    const elements = entriesJson(dump, !json);
    return several ? jsonObject([...mapHeaderJson(dump.map), ['elements', elements]]) : elements;
  });
  const [first] = values;
  // Typed values are shown to people as indented JSON.
  session.write(jsonText(several || first === undefined ? values : first, pretty || !json));
}

/** `map dump MAP` */
export async function dumpMap(session: Session, args: Args): Promise<void> {
  args.need('dump', 2);
  const fds = await selectMany(session, 'map', args);
  args.end();
  const dumps: Dump[] = [];
  for (const fd of fds)
    await using(session, fd, async () => {
      const info = await infoOf(session, 'map', fd);
      const types = await typesOf(session, info);
      const map = shownMap(session, info, fd, undefined);
      dumps.push({ map, types, entries: await readEntries(session, info, fd) });
    });
  printDumps(session, dumps);
}

/** `map pin MAP PATH` */
export async function pinMap(session: Session, args: Args): Promise<void> {
  args.need('pin', 3);
  await pin(session, 'map', args);
  done(session);
}

/** `map freeze MAP` */
export async function freezeMap(session: Session, args: Args): Promise<void> {
  args.need('freeze', 2);
  const fd = await selectOne(session, 'map', args);
  await using(session, fd, async () => {
    args.end();
    const result = await session.kernel.self.bpf('MAP_FREEZE', { mapFd: fd });
    if (!result.ok) throw elementError('failed to freeze map', result.errno);
  });
  done(session);
}

const MAP_TYPE_NUMBERS = new Map([...MAP_TYPE_NAMES].map(([number, name]) => [name, number]));

/** `map create PATH type TYPE key SIZE value SIZE entries COUNT name NAME [flags FLAGS]` */
export async function createMap(session: Session, args: Args): Promise<void> {
  args.need('create', 7);
  const pathname = args.take('a path to pin to');
  const sizes = { key: 0, value: 0, entries: 0, flags: 0 };
  let mapType: number | undefined;
  let mapName: string | undefined;
  while (args.length > 0) {
    const word = args.takeKeyword('type', 'name', 'key', 'value', 'entries', 'flags');
    if (word === undefined) throw new BpftoolError(`unknown arg ${args.peek() ?? ''}`);
    if (word === 'type') mapType = takeMapType(args);
    else if (word === 'name') mapName = args.take('a name');
    else sizes[word] = takeNumber(args, word);
  }
  if (mapName === undefined) throw new BpftoolError('map name not specified');
  const attr = {
    mapType: mapType ?? BPF_MAP_TYPE.UNSPEC,
    mapName,
    keySize: sizes.key,
    valueSize: sizes.value,
    maxEntries: sizes.entries,
    mapFlags: sizes.flags,
  };
  const fd = await call(session, 'MAP_CREATE', attr, 'map create failed');
  await using(session, fd, () =>
    call(session, 'OBJ_PIN', { bpfFd: fd, pathname }, `can't pin the object (${pathname})`),
  );
  done(session);
}

function takeMapType(args: Args): number {
  const name = args.take('a map type');
  const type = MAP_TYPE_NUMBERS.get(name);
  if (type === undefined) throw new BpftoolError(`unrecognized map type: ${name}`);
  return type;
}
