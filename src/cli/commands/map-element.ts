import { BPF_MAP_TYPE, ERRNO } from '../../abi/index.ts';
import { parseNumber, type Args } from '../bpftool/args.ts';
import {
  elementError,
  HOLDS_MAPS,
  PER_CPU,
  readEntry,
  slotSize,
  typesOf,
  valueBytes,
  type MapInfo,
} from '../bpftool/elements.ts';
import {
  entryJson,
  formatEntry,
  formatNextKey,
  hexBytes,
  nextKeyJson,
  typedEntry,
} from '../bpftool/entry.ts';
import { jsonText } from '../bpftool/json.ts';
import { infoOf, selectOne, using } from '../bpftool/objects.ts';
import { BpftoolError, done, errnoStatus, printJson, type Session } from '../bpftool/session.ts';

/** Bytes as words: decimal, `0x…`, octal, or after `hex` all in hexadecimal. */
function takeBytes(args: Args, what: string, count: number): Uint8Array {
  const base = args.takeKeyword('hex') === undefined ? 0 : 16;
  const bytes = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const word = args.peek();
    if (word === undefined) throw new BpftoolError(`${what} expected ${count} bytes got ${i}`);
    const byte = parseNumber(args.take('a byte'), base);
    if (byte === undefined) throw new BpftoolError(`error parsing byte: ${word}`);
    bytes[i] = byte;
  }
  return bytes;
}

const little32 = (number: number): Uint8Array =>
  Uint8Array.of(number, number >>> 8, number >>> 16, number >>> 24);

/** A value is bytes, or the map or program that a slot shall hold; a per-CPU map gets the same on all CPUs. */
async function takeValue(
  session: Session,
  info: MapInfo,
  args: Args,
  fds: number[],
): Promise<Uint8Array> {
  if (HOLDS_MAPS.has(info.type) || info.type === BPF_MAP_TYPE.PROG_ARRAY) {
    const fd = await selectOne(session, HOLDS_MAPS.has(info.type) ? 'map' : 'prog', args);
    fds.push(fd);
    return little32(fd);
  }
  const one = takeBytes(args, 'value', info.valueSize);
  if (!PER_CPU.has(info.type)) return one;
  const all = new Uint8Array(valueBytes(session, info));
  for (let at = 0; at < all.length; at += slotSize(info)) all.set(one, at);
  return all;
}

interface Element {
  readonly key: Uint8Array | undefined;
  readonly value: Uint8Array | undefined;
  readonly flags: number;
}

const FLAGS = { any: 0, noexist: 1, exist: 2 } as const;

/** `[key DATA] [value VALUE] [any | exist | noexist]`, in any order. */
async function takeElement(
  session: Session,
  info: MapInfo,
  args: Args,
  wanted: { readonly value: boolean; readonly fds: number[] },
): Promise<Element> {
  let key: Uint8Array | undefined;
  let value: Uint8Array | undefined;
  let flags: number | undefined;
  while (args.length > 0) {
    const flag = wanted.value ? args.takeKeyword('any', 'noexist', 'exist') : undefined;
    if (flag !== undefined) {
      if (flags !== undefined) throw new BpftoolError(`flags specified multiple times: ${flag}`);
      flags = FLAGS[flag];
    } else if (args.takeKeyword('key') !== undefined) {
      if (key !== undefined) throw new BpftoolError('duplicate key');
      if (info.keySize === 0) throw new BpftoolError('unnecessary key');
      key = takeBytes(args, 'key', info.keySize);
    } else if (args.takeKeyword('value') !== undefined) {
      if (!wanted.value) throw new BpftoolError('unnecessary value');
      if (value !== undefined) throw new BpftoolError('duplicate value');
      value = await takeValue(session, info, args, wanted.fds);
    } else throw new BpftoolError(`expected key or value, got: ${args.peek() ?? ''}`);
  }
  if (key === undefined && info.keySize > 0) throw new BpftoolError('did not find key');
  if (value === undefined && wanted.value && info.valueSize > 0)
    throw new BpftoolError('did not find value');
  return { key, value, flags: flags ?? 0 };
}

const NO_BYTES = new Uint8Array(0);

/** Opens the map that is meant, and tells about it. */
async function withMap<T>(
  session: Session,
  args: Args,
  use: (info: MapInfo, fd: number) => Promise<T>,
): Promise<T> {
  const fd = await selectOne(session, 'map', args);
  return using(session, fd, async () => use(await infoOf(session, 'map', fd), fd));
}

/** `map update MAP [key DATA] [value VALUE] [any | exist | noexist]` */
export async function updateMap(session: Session, args: Args): Promise<void> {
  args.need('update', 2);
  const fds: number[] = [];
  try {
    await withMap(session, args, async (info, fd) => {
      const { key, value, flags } = await takeElement(session, info, args, { value: true, fds });
      const result = await session.kernel.self.bpf('MAP_UPDATE_ELEM', {
        mapFd: fd,
        key: key ?? NO_BYTES,
        value: value ?? NO_BYTES,
        flags,
      });
      if (!result.ok) throw elementError('update failed', result.errno);
    });
  } finally {
    for (const fd of fds) await session.kernel.self.call('close', fd);
  }
  done(session);
}

/** `map lookup MAP [key DATA]`. A key that the map has not is told, and is exit code 254. */
export async function lookupMap(session: Session, args: Args): Promise<void> {
  args.need('lookup', 2);
  await withMap(session, args, async (info, fd) => {
    const { key = NO_BYTES } = await takeElement(session, info, args, { value: false, fds: [] });
    const entry = await readEntry(session, info, fd, key);
    const { json } = session.output;
    if ('errno' in entry) {
      if (entry.errno !== ERRNO.ENOENT) throw elementError('lookup failed', entry.errno);
      session.write(json ? jsonText(null) : `key:\n${hexBytes(key)}\n\nNot found\n`);
      throw new BpftoolError('', errnoStatus(entry.errno));
    }
    const types = await typesOf(session, info);
    if (json) printJson(session, entryJson(entry, types));
    else if (types === undefined) session.write(formatEntry(entry));
    else session.write(jsonText(typedEntry(entry, types, { plain: true }), true));
  });
}

/** `map getnext MAP [key DATA]` */
export async function nextKeyOfMap(session: Session, args: Args): Promise<void> {
  args.need('getnext', 2);
  await withMap(session, args, async (info, fd) => {
    const asked = args.length > 0;
    const element = asked
      ? await takeElement(session, info, args, { value: false, fds: [] })
      : undefined;
    const key = element?.key ?? null;
    const nextKey = new Uint8Array(info.keySize);
    const result = await session.kernel.self.bpf('MAP_GET_NEXT_KEY', { mapFd: fd, key, nextKey });
    if (!result.ok) throw elementError("can't get next key", result.errno);
    if (session.output.json) printJson(session, nextKeyJson(key, nextKey));
    else session.write(formatNextKey(key, nextKey));
  });
}

/** `map delete MAP key DATA` */
export async function deleteFromMap(session: Session, args: Args): Promise<void> {
  args.need('delete', 2);
  await withMap(session, args, async (info, fd) => {
    const { key = NO_BYTES } = await takeElement(session, info, args, { value: false, fds: [] });
    const result = await session.kernel.self.bpf('MAP_DELETE_ELEM', { mapFd: fd, key });
    if (!result.ok) throw elementError('delete failed', result.errno);
  });
  done(session);
}
