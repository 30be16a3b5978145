import { BPF_MAP_TYPE, errnoText } from '../../abi/index.ts';
import type { Btf, TypeId } from '../../btf/index.ts';
import { decode, ValueError, type Value } from '../../client/index.ts';
import type { RingBuffer } from '../../kernel/index.ts';
import { openLinux } from '../../linux/index.ts';
import { Args } from '../bpftool/args.ts';
import { hexBytes } from '../bpftool/entry.ts';
import { thisMachine } from '../bpftool/machine.ts';
import { eachObject, infoOf, readBtfById, selectOne, using } from '../bpftool/objects.ts';
import { BpftoolError, type Session } from '../bpftool/session.ts';
import { show } from '../../testing/equal.ts';
import { jsonLine, UsageError, type Context } from '../context.ts';
import { onSignal } from '../on-signal.ts';

export interface EventsFlags {
  readonly type?: string;
  readonly count?: number;
  readonly json: boolean;
}

/** A map by path, by `id:N`, or by name; without a word, the only ring buffer that there is. */
async function openMap(session: Session, word: string | undefined): Promise<number> {
  if (word === undefined)
    return selectOne(session, 'map', new Args(['id', await onlyRingbuf(session)]));
  if (word.includes('/')) return selectOne(session, 'map', new Args(['pinned', word]));
  const [, id] = /^id:(\d+)$/.exec(word) ?? [];
  const handle = id === undefined ? ['name', word] : ['id', id];
  try {
    return await selectOne(session, 'map', new Args(handle));
  } catch (error) {
    if (error instanceof BpftoolError && error.message === '')
      throw new UsageError(`no map in the kernel is named ${word}`);
    throw error;
  }
}

async function onlyRingbuf(session: Session): Promise<string> {
  const found: { readonly id: number; readonly name: string }[] = [];
  await eachObject(session, 'map', async ({ id, name, type }) => {
    if (type === BPF_MAP_TYPE.RINGBUF) found.push({ id, name });
  });
  const [only] = found;
  if (only !== undefined && found.length === 1) return String(only.id);
  const names = found.map(({ id, name }) => `id:${id} (${name})`).join(', ');
  throw new UsageError(
    found.length === 0
      ? 'there is no ring buffer in the kernel'
      : `say which ring buffer: ${names}`,
  );
}

interface RecordType {
  readonly btf: Btf;
  readonly id: TypeId;
}

/** Ring buffers have no types of their own: those of the programs that write to them have. */
async function findType(session: Session, mapId: number, name: string): Promise<RecordType> {
  const btfIds = new Set<number>();
  await eachObject(session, 'prog', async ({ mapIds, btfId }) => {
    if (btfId !== 0 && mapIds.includes(mapId)) btfIds.add(btfId);
  });
  for (const btfId of btfIds) {
    const btf = await readBtfById(session, btfId);
    const id = btf.find(name, 'struct', 'union', 'typedef', 'enum', 'enum64', 'int');
    if (id !== undefined) return { btf, id };
  }
  const where =
    btfIds.size === 0 ? 'no loaded program with BTF writes to it' : 'its programs know none';
  throw new UsageError(`--type ${name}: there is no such type: ${where}`);
}

type Shown = Value | { readonly undecoded: string; readonly why: string };

function read(record: Uint8Array, type: RecordType | undefined): Shown {
  if (type === undefined) return hexBytes(record);
  try {
    return decode(type.btf, type.id, record);
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    return { undecoded: hexBytes(record), why: error.message };
  }
}

const line = (value: Shown, json: boolean): string =>
  json ? jsonLine(value) : `${typeof value === 'string' ? value : show(value)}\n`;

/** Prints records until as many as asked for were there, or a signal closes the buffer. */
async function follow(
  context: Context,
  buffer: RingBuffer,
  type: RecordType | undefined,
  { json, count = Infinity }: EventsFlags,
): Promise<void> {
  const stop = new AbortController();
  const release = onSignal(() => {
    stop.abort();
    void buffer.close();
  });
  try {
    for (let left = count; left > 0;) {
      const ready = await buffer.wait();
      if (stop.signal.aborted) return;
      const records = ready ? await buffer.consume() : [];
      for (const record of records.slice(0, left)) context.write(line(read(record, type), json));
      left -= records.length;
    }
  } finally {
    release();
    if (!stop.signal.aborted) await buffer.close();
  }
}

/** `krsi events [MAP]` */
export async function printEvents(
  context: Context,
  flags: EventsFlags,
  map?: string,
): Promise<void> {
  const kernel = await openLinux();
  const output = { json: flags.json, pretty: false };
  const { write } = context;
  const session = { kernel, machine: thisMachine(), output, showPinned: false, write };
  await using(session, await openMap(session, map), async (fd) => {
    const { id, type, name } = await infoOf(session, 'map', fd);
    if (type !== BPF_MAP_TYPE.RINGBUF) throw new UsageError(`map ${name} is no ring buffer`);
    const recordType =
      flags.type === undefined ? undefined : await findType(session, id, flags.type);
    const buffer = await kernel.self.ringbuf(fd);
    if (!buffer.ok)
      throw new UsageError(`map ${name}: ${buffer.reason || errnoText(buffer.errno)}`);
    await follow(context, buffer.value, recordType, flags);
  });
}
