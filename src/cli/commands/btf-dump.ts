import { printC, printRaw, readBtf, type Btf, type TypeId } from '../../btf/index.ts';
import { openKernelImage } from '../../node/index.ts';
import type { Args } from '../bpftool/args.ts';
import { infoOf, readBtfById, selectOne, using } from '../bpftool/objects.ts';
import { BpftoolError, type Session } from '../bpftool/session.ts';
import { verbCommand } from '../bpftool/run-verb.ts';
import { UsageError, type Context } from '../context.ts';

type Format = 'c' | 'raw';

/** Types of an object in the kernel: all, or those of a map's keys and values alone. */
interface Source {
  readonly btf: Btf;
  readonly roots?: readonly TypeId[];
}

const TAKES_BTF = { prog: 'program', map: 'map' } as const;

async function sourceOf(session: Session, args: Args): Promise<Source> {
  if (args.peek() === 'id') {
    const fd = await selectOne(session, 'btf', args);
    const { id } = await using(session, fd, () => infoOf(session, 'btf', fd));
    return { btf: await readBtfById(session, id) };
  }
  const kind = args.takeKeyword('prog', 'map');
  if (kind === undefined)
    throw new BpftoolError(`unrecognized BTF source specifier: '${args.peek() ?? ''}'`);
  const fd = await selectOne(session, kind, args);
  const info = await using(session, fd, () => infoOf(session, kind, fd));
  if (info.btfId === 0) throw new BpftoolError(`this ${TAKES_BTF[kind]} has no BTF`);
  const btf = await readBtfById(session, info.btfId);
  if (info.kind === 'prog') return { btf };
  const part = args.takeKeyword('key', 'value', 'kv', 'all') ?? 'kv';
  if (part === 'all') return { btf };
  const roots = [
    ...(part === 'value' ? [] : [info.btfKeyTypeId]),
    ...(part === 'key' ? [] : [info.btfValueTypeId]),
  ];
  return { btf, roots: roots.filter((id) => id !== 0) };
}

function takeFormat(args: Args): Format {
  if (args.takeKeyword('format') === undefined) {
    args.end();
    return 'raw';
  }
  const format = args.takeKeyword('c', 'raw');
  if (format === undefined)
    throw new BpftoolError(
      `unrecognized format specifier: '${args.peek() ?? ''}', possible values: raw, c`,
    );
  args.end();
  return format;
}

/** `[7] INT …` and the lines that belong to it, of these types alone. */
function onlyTypes(text: string, roots: readonly TypeId[]): string {
  const types = text.split(/^(?=\[\d+\])/m);
  return roots.map((id) => types.find((type) => type.startsWith(`[${id}] `)) ?? '').join('');
}

/** `btf dump { id N | prog PROG | map MAP [key | value | kv | all] } [format { raw | c }]` */
async function dumpObject(session: Session, args: Args): Promise<void> {
  if (session.output.json) throw new BpftoolError('JSON output is not supported here');
  const { btf, roots } = await sourceOf(session, args);
  const format = takeFormat(args);
  if (format === 'c' && roots !== undefined)
    throw new BpftoolError("C is printed of whole BTF objects: say 'all' after the map");
  if (format === 'c') session.write(printC(btf));
  else session.write(roots === undefined ? printRaw(btf) : onlyTypes(printRaw(btf), roots));
}

export interface DumpFlags {
  readonly format?: Format;
}

/** `krsi btf dump FILE`, or bpftool's `btf dump` of what is in the kernel. */
export async function dumpBtf(
  context: Context,
  { format }: DumpFlags,
  ...words: readonly string[]
): Promise<void> {
  const [first, ...others] = words;
  if (first === undefined) throw new UsageError('expected a file, or id N, prog PROG, map MAP');
  if (others.length > 0 && first !== 'file') {
    const chosen = format === undefined ? words : [...words, 'format', format];
    await verbCommand(dumpObject)(context, { json: false, pretty: false, bpffs: false }, ...chosen);
    return;
  }
  const image = openKernelImage(others[0] ?? first);
  const btf = readBtf(image.btf, { file: image.file });
  context.write(format === 'raw' ? printRaw(btf) : printC(btf));
}
