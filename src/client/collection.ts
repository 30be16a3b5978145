import { readObject } from '../object/index.ts';
import type { CollectionSpec } from '../object/spec.ts';
import { BpfError } from './errors.ts';
import { Fds } from './fds.ts';
import { loadParts, type LoadOptions, type LoadedParts } from './load.ts';
import type { BpfMap } from './map.ts';
import { checkNames, named } from './names.ts';
import type { Link } from './link.ts';
import { attachesItself, type Program } from './program.ts';
import { RingbufReader } from './ringbuf.ts';
import { withToken } from './token.ts';
import { Variable } from './variable.ts';

/** An object loaded into a kernel: its programs, maps and variables. It owns their file descriptors. */
export class Collection {
  readonly spec: CollectionSpec;
  /** Those that were loaded, by name. */
  readonly programs: ReadonlyMap<string, Program>;
  readonly maps: ReadonlyMap<string, BpfMap>;
  readonly #fds: Fds;
  readonly #readers: RingbufReader[] = [];

  private constructor(spec: CollectionSpec, fds: Fds, parts: LoadedParts) {
    this.spec = spec;
    this.#fds = fds;
    this.programs = parts.programs;
    this.maps = parts.maps;
  }

  /**
   * Loads an object file into a kernel: fits it to the kernel's types (CO-RE), creates its maps, sets its variables and
   * loads its programs. Nothing is attached yet, and nothing is left behind when it fails.
   * @throws LoadError naming the program, map or variable at fault; FormatError when the file is broken.
   */
  static async load(
    object: Uint8Array | CollectionSpec,
    options: LoadOptions,
  ): Promise<Collection> {
    const spec =
      object instanceof Uint8Array
        ? readObject(object, { file: options.file ?? 'object' })
        : object;
    checkNames(spec, options);
    const { self } = options.kernel;
    const { tokenFd } = options;
    const fds = new Fds(tokenFd === undefined ? self : withToken(self, tokenFd));
    try {
      return new Collection(spec, fds, await loadParts(spec, options, fds));
    } catch (error) {
      await fds.closeAll();
      throw error;
    }
  }

  /** A loaded program. */
  program(name: string): Program {
    return named(this.programs, name, this.spec.file, 'program');
  }

  map(name: string): BpfMap {
    return named(this.maps, name, this.spec.file, 'map');
  }

  variable(name: string): Variable {
    const spec = named(this.spec.variables, name, this.spec.file, 'variable');
    const { btf } = this.spec;
    if (btf === undefined) throw new Error(`${this.spec.file} has variables but no BTF`);
    return new Variable(spec, this.map(spec.map), btf);
  }

  /**
   * Attaches all loaded programs, in the order of the object; those of types whose target the object cannot name
   * (socket, xdp, cgroup…) are passed over, as by libbpf. On failure those attached so far are detached.
   */
  async attach(): Promise<readonly Link[]> {
    const links: Link[] = [];
    try {
      for (const program of this.programs.values())
        if (attachesItself(program.spec)) links.push(await program.attach());
    } catch (error) {
      for (const link of links.toReversed()) await link.close();
      throw error;
    }
    return links;
  }

  /** Opens a ring buffer for reading; it is closed with the collection. */
  async ringbuf(name: string): Promise<RingbufReader> {
    const map = this.map(name);
    const result = await this.#fds.task.ringbuf(map.fd);
    if (!result.ok) throw new BpfError({ ...result, command: 'RINGBUF_MAP' }, `map '${name}'`);
    const reader = new RingbufReader(name, result.value, this.spec.btf);
    this.#readers.push(reader);
    return reader;
  }

  /** Detaches and releases everything. What nothing else refers to is gone when this resolves. */
  async close(): Promise<void> {
    for (const reader of this.#readers.splice(0)) await reader.close();
    await this.#fds.closeAll();
  }
}
