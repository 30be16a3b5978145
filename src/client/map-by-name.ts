import { BPF_F, ERRNO } from '../abi/index.ts';
import type { MapCreateAttr, MapInfo } from '../kernel/index.ts';
import type { MapSpec } from '../object/spec.ts';
import { BpfError, LoadError } from './errors.ts';
import type { Fds } from './fds.ts';
import { infoOf } from './info.ts';
import { pin } from './pin.ts';

/** LIBBPF_PIN_BY_NAME: maps whose name in a bpffs is theirs in the object, so that one load finds those of another. */
export class NamedPins {
  readonly #fds: Fds;
  readonly #folder: string;
  readonly #made: string[] = [];

  constructor(fds: Fds, folder = '/sys/fs/bpf') {
    this.#fds = fds;
    this.#folder = folder;
  }

  /** bpffs keeps names with a dot for itself. */
  path({ name }: MapSpec): string {
    return `${this.#folder}/${name.replaceAll('.', '_')}`;
  }

  /**
   * The descriptor of the map that is pinned there, or undefined.
   * @param attr what this load would create.
   * @throws LoadError when what is pinned is another kind of map; BpfError when the kernel does not let it be opened.
   */
  async open(file: string, map: MapSpec, attr: MapCreateAttr): Promise<number | undefined> {
    const { task } = this.#fds;
    const path = this.path(map);
    const found = await task.bpf('OBJ_GET', { pathname: path });
    if (!found.ok && found.errno === ERRNO.ENOENT) return undefined;
    if (!found.ok) throw new BpfError({ ...found, command: 'OBJ_GET' }, path);
    const fd = this.#fds.own(found.value);
    const differences = differencesOf(await infoOf(task, fd, 'map', path), attr);
    if (differences.length === 0) return fd;
    const why = `what is pinned at ${path} differs: ${differences.join(', ')}`;
    throw new LoadError({ file, kind: 'map', subject: map.name }, why);
  }

  /** Pins a map that was just made; as libbpf, in a folder that is made if it is not there. */
  async add(map: MapSpec, fd: number): Promise<void> {
    const path = this.path(map);
    // Whether it worked shows when the map is pinned.
    await this.#fds.task.call('mkdir', this.#folder, 0o700);
    await pin(this.#fds.task, fd, path, `map '${map.name}'`);
    this.#made.push(path);
  }

  /** Removes the pins that this load made. */
  async undo(): Promise<void> {
    for (const path of this.#made.splice(0)) await this.#fds.task.call('unlink', path);
  }
}

/** What libbpf compares (bpf_map__is_reuse_compat, map_is_reuse_compat). */
function differencesOf(pinned: MapInfo, wanted: MapCreateAttr): string[] {
  // The kernel itself sets this flag on maps of devices.
  const ignored = ~BPF_F.RDONLY_PROG;
  const pairs: readonly (readonly [name: string, there: number | bigint, here: number | bigint])[] =
    [
      ['type', pinned.type, wanted.mapType],
      ['key_size', pinned.keySize, wanted.keySize],
      ['value_size', pinned.valueSize, wanted.valueSize],
      ['max_entries', pinned.maxEntries, wanted.maxEntries],
      ['map_flags', pinned.mapFlags & ignored, (wanted.mapFlags ?? 0) & ignored],
      ['map_extra', pinned.mapExtra, wanted.mapExtra ?? 0n],
    ];
  return pairs
    .filter(([, there, here]) => there !== here)
    .map(([name, there, here]) => `${name} ${there} there, ${here} here`);
}
