import { createCoreCache } from '../btf/core/relocate.ts';
import { readBtf } from '../btf/reader.ts';
import type { Btf } from '../btf/types.ts';
import type { Kernel } from '../kernel/index.ts';
import type { CollectionSpec, MapSpec, VariableSpec } from '../object/spec.ts';
import type { Value } from './codec.ts';
import { BpfError, LoadError, ValueError } from './errors.ts';
import { bpf, type Fds } from './fds.ts';
import { kconfigValue } from './kconfig.ts';
import { mapError, openMap, type MapContext } from './load-maps.ts';
import { loadProgram, type ProgramContext } from './load-programs.ts';
import { BpfMap, type HasFd } from './map.ts';
import { NamedPins } from './map-by-name.ts';
import { named } from './names.ts';
import { Program } from './program.ts';
import { writeVariable } from './variable.ts';

export interface MapOptions {
  /** Stands for what the object declares. */
  readonly maxEntries?: number;
  /** What to put into the map before programs are loaded. */
  readonly entries?: Iterable<readonly [key: Value, value: Value | HasFd]>;
}

export interface ProgramOptions {
  /** False leaves the program out; true loads one whose section starts with `?`. */
  readonly autoload?: boolean;
  /** The hook, function or tracepoint to attach to, in place of what the section names. */
  readonly attachTo?: string;
}

export interface LoadOptions {
  readonly kernel: Kernel;
  /** The kernel's BTF, if it is open already: saves asking the kernel for it and reading it anew. */
  readonly kernelBtf?: Btf;
  /** Initial values of global variables by name; `const volatile` ones are constants for the kernel from then on. */
  readonly variables?: Readonly<Record<string, Value>>;
  readonly maps?: Readonly<Record<string, MapOptions>>;
  readonly programs?: Readonly<Record<string, ProgramOptions>>;
  /** A BPF token of the task to make everything with. It stays the caller's. */
  readonly tokenFd?: number;
  /** Folder in a bpffs for maps that are pinned by name; default `/sys/fs/bpf`. */
  readonly pinPath?: string;
  /** Name of the object for messages; the names of its data sections in the kernel start with it. */
  readonly file?: string;
}

export interface LoadedParts {
  readonly programs: ReadonlyMap<string, Program>;
  readonly maps: ReadonlyMap<string, BpfMap>;
}

/** Everything a load needs on its way. */
interface Loading extends MapContext {
  readonly options: LoadOptions;
  readonly kernelBtf: Btf;
  readonly maps: Map<string, BpfMap>;
}

/**
 * Loads an object step by step, in libbpf's order. File descriptors go to `fds`, whose owner closes them if this fails.
 */
export async function loadParts(
  spec: CollectionSpec,
  options: LoadOptions,
  fds: Fds,
): Promise<LoadedParts> {
  const { kernel } = options;
  const kernelBtf = options.kernelBtf ?? readBtf(await kernel.btf(), { file: 'vmlinux' });
  const sections = await dataSections(spec, options, kernelBtf);
  const btfFd = await loadBtf(spec, fds);
  const loading: Loading = {
    spec,
    options,
    kernelBtf,
    fds,
    btf: spec.btf,
    btfFd,
    possibleCpus: kernel.possibleCpus,
    pins: new NamedPins(fds, options.pinPath),
    maps: new Map(),
  };
  try {
    return await loadAll(loading, sections);
  } catch (error) {
    await loading.pins.undo();
    throw error;
  }
}

async function loadAll(
  loading: Loading,
  sections: ReadonlyMap<string, Uint8Array>,
): Promise<LoadedParts> {
  const { spec } = loading;
  for (const map of spec.maps.values()) await addMap(loading, map, sections.get(map.name));
  await fillMapSlots(loading);
  await fillEntries(loading);
  const programs = await loadPrograms(loading);
  await fillProgramSlots(loading, programs);
  return { programs, maps: loading.maps };
}

async function loadBtf(spec: CollectionSpec, fds: Fds): Promise<number | undefined> {
  if (spec.btf === undefined) return undefined;
  try {
    return fds.own(await bpf(fds.task, 'BTF_LOAD', { btf: spec.btf.bytes }));
  } catch (error) {
    if (!(error instanceof BpfError)) throw error;
    const at = { file: spec.file, kind: 'object', subject: spec.file } as const;
    const log = error.log === undefined ? {} : { log: error.log };
    throw new LoadError(at, error.message, { cause: error, ...log });
  }
}

/** Contents of each data section with the variables that the caller or the kernel's configuration gives. */
async function dataSections(
  spec: CollectionSpec,
  { kernel, variables = {} }: LoadOptions,
  kernelBtf: Btf,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const sections = new Map<string, Uint8Array>();
  for (const map of spec.maps.values())
    if (map.data !== undefined) sections.set(map.name, map.data.contents.slice());
  for (const variable of spec.variables.values()) {
    const { btf } = spec;
    const section = sections.get(variable.map);
    if (btf === undefined || section === undefined) continue;
    const value = Object.hasOwn(variables, variable.name)
      ? variables[variable.name]
      : await externValue(spec, btf, variable, kernel, kernelBtf);
    if (value === undefined) continue;
    try {
      writeVariable(btf, variable, section, value);
    } catch (cause) {
      if (!(cause instanceof ValueError)) throw cause;
      const why = cause.path === variable.name ? cause.rule : cause.message;
      throw variableError(spec, variable, why, cause);
    }
  }
  return sections;
}

const variableError = (
  spec: CollectionSpec,
  variable: VariableSpec,
  why: string,
  cause?: unknown,
): LoadError =>
  new LoadError({ file: spec.file, kind: 'variable', subject: variable.name }, why, { cause });

async function externValue(
  spec: CollectionSpec,
  btf: Btf,
  variable: VariableSpec,
  kernel: Kernel,
  kernelBtf: Btf,
): Promise<Value | undefined> {
  if (!variable.extern) return undefined;
  const found = await kconfigValue(variable, btf, kernel, kernelBtf);
  if (found === undefined) return undefined;
  if ('problem' in found) throw variableError(spec, variable, found.problem);
  return found.value;
}

async function addMap(
  loading: Loading,
  declared: MapSpec,
  contents: Uint8Array | undefined,
): Promise<void> {
  const { spec, fds, btf, options, possibleCpus } = loading;
  const maxEntries = options.maps?.[declared.name]?.maxEntries ?? declared.maxEntries;
  const mapSpec = { ...declared, maxEntries };
  const { fd, reused } = await openMap(loading, mapSpec);
  const map = new BpfMap(mapSpec, fd, { task: fds.task, btf, cpus: possibleCpus });
  loading.maps.set(declared.name, map);
  if (contents === undefined || reused) return;
  try {
    await map.setRaw(0, contents);
    if (mapSpec.data?.readonly === true) await bpf(fds.task, 'MAP_FREEZE', { mapFd: fd });
  } catch (error) {
    throw mapError(spec.file, declared.name, error);
  }
}

const HOLDS_PROGRAMS = 'PROG_ARRAY';

async function fillMapSlots(loading: Loading): Promise<void> {
  for (const map of loading.maps.values()) {
    if (map.spec.type === HOLDS_PROGRAMS) continue;
    for (const [index, inner] of map.spec.slots)
      await put(loading, map, index, named(loading.maps, inner, loading.spec.file, 'map'));
  }
}

async function fillProgramSlots(
  loading: Loading,
  programs: ReadonlyMap<string, Program>,
): Promise<void> {
  for (const map of loading.maps.values()) {
    if (map.spec.type !== HOLDS_PROGRAMS) continue;
    for (const [index, program] of map.spec.slots)
      await put(loading, map, index, named(programs, program, loading.spec.file, 'program'));
  }
}

async function fillEntries({ options, maps, spec }: Loading): Promise<void> {
  for (const [name, { entries = [] }] of Object.entries(options.maps ?? {})) {
    const map = named(maps, name, spec.file, 'map');
    for (const [key, value] of entries) {
      try {
        await map.set(key, value);
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : '';
        throw new LoadError({ file: spec.file, kind: 'map', subject: name }, why, { cause });
      }
    }
  }
}

async function put({ spec }: Loading, map: BpfMap, index: number, value: HasFd): Promise<void> {
  try {
    await map.set(index, value);
  } catch (error) {
    throw mapError(spec.file, map.name, error);
  }
}

async function loadPrograms(loading: Loading): Promise<Map<string, Program>> {
  const { spec, kernelBtf, fds, btfFd, maps, options } = loading;
  const context: ProgramContext = {
    spec,
    kernelBtf,
    fds,
    loadedBtf:
      spec.btf === undefined || btfFd === undefined
        ? undefined
        : { fd: btfFd, bytes: spec.btf.bytes },
    mapFds: new Map([...maps].map(([name, map]) => [name, map.fd])),
    coreCache: createCoreCache(),
  };
  const programs = new Map<string, Program>();
  for (const program of spec.programs.values()) {
    const wish = options.programs?.[program.name];
    if (!(wish?.autoload ?? program.autoload)) continue;
    const fd = await loadProgram(context, program, wish?.attachTo);
    programs.set(program.name, new Program(program, fd, spec.file, fds));
  }
  return programs;
}
