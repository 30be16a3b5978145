import { ERRNO, errnoText } from '../../abi/index.ts';
import { readBtf, type Btf } from '../../btf/index.ts';
import type {
  BpfCommand,
  BpfCommands,
  BtfInfo,
  LinkInfo,
  MapInfo,
  ProgInfo,
} from '../../kernel/index.ts';
import { takeNumber, type Args } from './args.ts';
import { unescapeMount } from './token.ts';
import { BpftoolError, errnoStatus, type Session } from './session.ts';

interface Infos {
  readonly prog: ProgInfo;
  readonly map: MapInfo;
  readonly link: LinkInfo;
  readonly btf: BtfInfo;
}
export type ObjectKind = keyof Infos;
export type InfoOf<K extends ObjectKind> = Infos[K];

const NEXT_ID = {
  prog: 'PROG_GET_NEXT_ID',
  map: 'MAP_GET_NEXT_ID',
  link: 'LINK_GET_NEXT_ID',
  btf: 'BTF_GET_NEXT_ID',
} as const;
const NOUN = { prog: 'program', map: 'map', link: 'link', btf: 'BTF object' } as const;

/** @throws BpftoolError `WHAT: REASON`. */
export async function call<C extends BpfCommand>(
  { kernel }: Session,
  command: C,
  attr: BpfCommands[C]['attr'],
  what: string,
): Promise<BpfCommands[C]['out']> {
  const result = await kernel.self.bpf(command, attr);
  if (!result.ok) throw new BpftoolError(`${what}: ${errnoText(result.errno)}`);
  return result.value;
}

export const closeFd = async ({ kernel }: Session, fd: number): Promise<void> => {
  await kernel.self.call('close', fd);
};

/** Runs `use` with a descriptor and closes it. */
export async function using<T>(
  session: Session,
  fd: number,
  use: (fd: number) => Promise<T>,
): Promise<T> {
  try {
    return await use(fd);
  } finally {
    await closeFd(session, fd);
  }
}

function fdById({ kernel }: Session, kind: ObjectKind, id: number) {
  switch (kind) {
    case 'prog':
      return kernel.self.bpf('PROG_GET_FD_BY_ID', { progId: id });
    case 'map':
      return kernel.self.bpf('MAP_GET_FD_BY_ID', { mapId: id });
    case 'link':
      return kernel.self.bpf('LINK_GET_FD_BY_ID', { linkId: id });
    case 'btf':
      return kernel.self.bpf('BTF_GET_FD_BY_ID', { btfId: id });
    default:
      return kind satisfies never;
  }
}

/** The message of bpftool for an id that cannot be opened. */
const BY_ID = {
  prog: (id: number) => `get by id (${id})`,
  map: (id: number) => `get map by id (${id})`,
  link: (id: number) => `failed to get link with ID ${id}`,
  btf: (id: number) => `can't get BTF object by id (${id})`,
};

/** @throws BpftoolError when there is no such object, or it may not be opened. */
export async function openById(session: Session, kind: ObjectKind, id: number): Promise<number> {
  const result = await fdById(session, kind, id);
  if (result.ok) return result.value;
  const status = kind === 'link' ? errnoStatus(result.errno) : undefined;
  throw new BpftoolError(`${BY_ID[kind](id)}: ${errnoText(result.errno)}`, status);
}

/** Runs `visit` for each object of the kernel in the order of ids; one that is gone meanwhile is passed over. */
export async function eachObject<K extends ObjectKind>(
  session: Session,
  kind: K,
  visit: (info: InfoOf<K>, fd: number) => Promise<void>,
): Promise<void> {
  for (let id = 0; ;) {
    const next = await session.kernel.self.bpf(NEXT_ID[kind], { startId: id });
    if (!next.ok) {
      if (next.errno === ERRNO.ENOENT) return;
      throw new BpftoolError(`can't get next ${NOUN[kind]}: ${errnoText(next.errno)}`);
    }
    id = next.value;
    const opened = await fdById(session, kind, id);
    if (!opened.ok) {
      // A link is listed before it is ready (EAGAIN).
      if (opened.errno === ERRNO.ENOENT || opened.errno === ERRNO.EAGAIN) continue;
      throw new BpftoolError(`can't get ${kind} by id (${id}): ${errnoText(opened.errno)}`);
    }
    await using(session, opened.value, async (fd) => visit(await infoOf(session, kind, fd), fd));
  }
}

/** @throws BpftoolError for a descriptor of something else. */
export async function infoOf<K extends ObjectKind>(
  session: Session,
  kind: K,
  fd: number,
): Promise<InfoOf<K>> {
  const info = await call(session, 'OBJ_GET_INFO_BY_FD', { bpfFd: fd }, `can't get ${kind} info`);
  if (info.kind !== kind) throw new BpftoolError(`incorrect object type: ${info.kind}`);
  return info as unknown as InfoOf<K>;
}

/** @throws BpftoolError saying why the path gives no object of this kind. */
export async function openPinned(
  session: Session,
  kind: ObjectKind,
  path: string,
): Promise<number> {
  const result = await session.kernel.self.bpf('OBJ_GET', { pathname: path });
  if (!result.ok) {
    const folder = path.slice(0, Math.max(1, path.lastIndexOf('/')));
    const outside = result.errno === ERRNO.EACCES && !isOnBpffs(session, folder);
    const why = outside ? 'directory not in bpf file system (bpffs)' : errnoText(result.errno);
    throw new BpftoolError(`bpf obj get (${path}): ${why}`);
  }
  try {
    await infoOf(session, kind, result.value);
    return result.value;
  } catch (error) {
    await closeFd(session, result.value);
    throw error;
  }
}

export interface Mount {
  readonly path: string;
  readonly type: string;
  readonly options: string;
}

export const mountsOf = ({ machine }: Session): readonly Mount[] =>
  machine
    .mounts()
    .split('\n')
    .map((line) => line.split(' '))
    .map(([, path = '', type = '', options = '']) => ({
      path: unescapeMount(path),
      type,
      options,
    }));

/** Whether the innermost mount around an absolute path is a bpffs. */
export function isOnBpffs(session: Session, path: string): boolean {
  const around = mountsOf(session).filter(
    (mount) => path === mount.path || path.startsWith(mount.path.replace(/\/?$/, '/')),
  );
  const longest = Math.max(...around.map((mount) => mount.path.length));
  return around.findLast((mount) => mount.path.length === longest)?.type === 'bpf';
}

/** Where the objects of a kind are pinned, by id; in all bpffs that this process sees. */
export async function pinnedPaths(
  session: Session,
  kind: ObjectKind,
): Promise<ReadonlyMap<number, readonly string[]>> {
  const paths = new Map<number, string[]>();
  for (const mount of mountsOf(session).filter(({ type }) => type === 'bpf')) {
    for (const path of session.machine.filesBelow(mount.path)) {
      const opened = await session.kernel.self.bpf('OBJ_GET', { pathname: path });
      if (!opened.ok) continue;
      await using(session, opened.value, async (fd) => {
        const info = await session.kernel.self.bpf('OBJ_GET_INFO_BY_FD', { bpfFd: fd });
        if (!info.ok || info.value.kind !== kind) return;
        const known = paths.get(info.value.id);
        if (known === undefined) paths.set(info.value.id, [path]);
        else known.push(path);
      });
    }
  }
  return paths;
}

/** The BTF object with this id. A module's is on top of the kernel's own. */
export async function readBtfById(session: Session, id: number): Promise<Btf> {
  return using(session, await openById(session, 'btf', id), async (fd) => {
    const { size, kernelBtf, name } = await infoOf(session, 'btf', fd);
    const btf = new Uint8Array(size);
    await call(session, 'OBJ_GET_INFO_BY_FD', { bpfFd: fd, btf }, `can't read BTF ${id}`);
    const file = name === '' ? `btf ${id}` : name;
    if (!kernelBtf || name === 'vmlinux') return readBtf(btf, { file });
    return readBtf(btf, { file, base: readBtf(await session.kernel.btf(), { file: 'vmlinux' }) });
  });
}

/** A line of fdinfo. */
export function fdinfoNumber(session: Session, fd: number, key: string): number | undefined {
  const text = session.machine.fdinfo(fd);
  const found = text && new RegExp(`^${key}:\\s*(\\d+)`, 'm').exec(text)?.[1];
  return found ? Number(found) : undefined;
}

const HANDLES = {
  prog: "'id', 'tag', 'name' or 'pinned'",
  map: "'id', 'name' or 'pinned'",
  link: "'id' or 'pinned'",
  btf: "'id'",
} as const;

/**
 * Opens the objects that `id N`, `tag T`, `name N` or `pinned PATH` stand for. Nothing is said about a name or tag that
 * no object has: that is bpftool's way.
 * @returns at least one descriptor.
 */
export async function selectMany(
  session: Session,
  kind: ObjectKind,
  args: Args,
): Promise<readonly number[]> {
  if (args.takeKeyword('id') !== undefined)
    return [await openById(session, kind, takeNumber(args, 'ID'))];
  if (kind !== 'btf' && args.takeKeyword('pinned') !== undefined)
    return [await openPinned(session, kind, args.take('a path'))];
  if (kind === 'prog' && args.takeKeyword('tag') !== undefined) {
    const tag = args.take('a tag').toLowerCase();
    if (!/^[\da-f]{16}$/.test(tag)) throw new BpftoolError("can't parse tag");
    return matching(session, 'prog', (info) => info.tag === tag);
  }
  if ((kind === 'prog' || kind === 'map') && args.takeKeyword('name') !== undefined) {
    const name = args.take('a name');
    return kind === 'map'
      ? matching(session, 'map', (info) => info.name === name)
      : matching(session, 'prog', async (info) => (await fullName(session, info)) === name);
  }
  const word = args.take(HANDLES[kind]);
  throw new BpftoolError(`expected ${HANDLES[kind]}, got: '${word}'?`);
}

async function matching<K extends ObjectKind>(
  session: Session,
  kind: K,
  wanted: (info: InfoOf<K>) => boolean | Promise<boolean>,
): Promise<readonly number[]> {
  const ids: number[] = [];
  await eachObject(session, kind, async (info) => {
    if (await wanted(info)) ids.push(info.id);
  });
  if (ids.length === 0) throw new BpftoolError('');
  return Promise.all(ids.map((id) => openById(session, kind, id)));
}

/** As {@link selectMany} for one object. */
export async function selectOne(session: Session, kind: ObjectKind, args: Args): Promise<number> {
  const fds = await selectMany(session, kind, args);
  const [first] = fds;
  if (fds.length === 1 && first !== undefined) return first;
  for (const fd of fds) await closeFd(session, fd);
  throw new BpftoolError(`several ${NOUN[kind]}s match this handle`);
}

const LONGEST_NAME = 15;

/** A program's whole name: a name that may have been cut is read from the BTF of its function. */
export async function fullName(session: Session, info: InfoOf<'prog'>): Promise<string> {
  const { name, btfId, funcInfoTypeId } = info;
  if (name.length < LONGEST_NAME || btfId === 0 || funcInfoTypeId === 0) return name;
  try {
    const btf = await readBtfById(session, btfId);
    return btf.kind(funcInfoTypeId) === 'func' ? btf.name(funcInfoTypeId) : name;
  } catch (error) {
    // Who may not open BTF by id still gets the name that the kernel keeps.
    if (error instanceof BpftoolError) return name;
    throw error;
  }
}

/** Pins what `select` opens under the path that follows it. */
export async function pin(session: Session, kind: ObjectKind, args: Args): Promise<void> {
  const fd = await selectOne(session, kind, args);
  await using(session, fd, async () => {
    const pathname = args.take('a path to pin to');
    args.end();
    const result = await session.kernel.self.bpf('OBJ_PIN', { bpfFd: fd, pathname });
    if (result.ok) return;
    const folder = pathname.slice(0, Math.max(1, pathname.lastIndexOf('/')));
    const outside = result.errno === ERRNO.EPERM && !isOnBpffs(session, folder);
    const why = outside
      ? `${folder} is in no bpf file system: mount one with 'mount -t bpf bpf ${folder}'`
      : errnoText(result.errno);
    throw new BpftoolError(`can't pin the object (${pathname}): ${why}`, errnoStatus(result.errno));
  });
}
