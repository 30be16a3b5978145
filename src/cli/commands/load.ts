import { errnoText, O } from '../../abi/index.ts';
import { readBtf } from '../../btf/index.ts';
import { Collection, LoadError, type LoadOptions } from '../../client/index.ts';
import { attachesItself } from '../../client/program.ts';
import type { Kernel } from '../../kernel/index.ts';
import { openLinux } from '../../linux/index.ts';
import { readInput } from '../../node/read-file.ts';
import { readObject, type CollectionSpec } from '../../object/index.ts';
import { UsageError, type Context } from '../context.ts';
import { fileSystemType, MAGIC } from '../host.ts';
import { nullTrapWarnings } from '../null-traps.ts';
import { onSignal } from '../on-signal.ts';
import { Pins } from '../pins.ts';
import { lsmsIn, readSecurityfs, whyInactive } from '../securityfs.ts';
import { kernelWithToken } from '../token-kernel.ts';
import { parseEntries, parseValue } from '../typed-value.ts';

export interface LoadFlags {
  readonly pin?: string;
  readonly cgroup?: string;
  readonly token?: string;
  readonly var: readonly string[];
  readonly map: readonly string[];
  readonly allowInactive: boolean;
  readonly log: boolean;
}

/** `NAME=VALUE` */
function splitPair(flag: string, pair: string): readonly [name: string, value: string] {
  const at = pair.indexOf('=');
  if (at <= 0) throw new UsageError(`${flag} ${pair}: write it as NAME=VALUE`);
  return [pair.slice(0, at), pair.slice(at + 1)];
}

function variables(
  spec: CollectionSpec,
  pairs: readonly string[],
): NonNullable<LoadOptions['variables']> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [name, text] = splitPair('--var', pair);
      const variable = spec.variables.get(name);
      const { btf } = spec;
      const type = variable && btf && { btf, id: variable.typeId };
      return [name, parseValue(text, type)];
    }),
  );
}

function mapContents(
  spec: CollectionSpec,
  pairs: readonly string[],
): NonNullable<LoadOptions['maps']> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [name, file] = splitPair('--map', pair);
      const map = spec.maps.get(name);
      const typed = (id: number | undefined) =>
        spec.btf === undefined || id === undefined ? undefined : { btf: spec.btf, id };
      const types = { key: typed(map?.keyType), value: typed(map?.valueType) };
      const text = new TextDecoder().decode(readInput(file));
      return [name, { entries: parseEntries(text, file, types) }];
    }),
  );
}

const isLsm = ({ type }: { readonly type: string }): boolean => type === 'LSM';

/** An LSM program that is attached where nobody asks it protects nothing, and looks as if it did. */
async function refuseInactive(context: Context, spec: CollectionSpec, flags: LoadFlags) {
  if (![...spec.programs.values()].some((program) => program.autoload && isLsm(program))) return;
  const { lsm } = await readSecurityfs('lsm');
  const why = whyInactive(lsmsIn(lsm));
  if (why === undefined) return;
  if (!flags.allowInactive)
    throw new UsageError(
      `${spec.file}: not loaded: ${why} (--allow-inactive loads it all the same)`,
    );
  context.warn(`krsi: WARNING: this policy may protect nothing: ${why}\n`);
}

/** @returns the descriptor of the cgroup for `lsm_cgroup/` programs, if there are any. */
async function openCgroup(kernel: Kernel, spec: CollectionSpec, path: string | undefined) {
  const takes = [...spec.programs.values()].filter(
    (p) => p.autoload && p.attachType === 'LSM_CGROUP',
  );
  const [first] = takes;
  if (path === undefined) {
    if (first === undefined) return undefined;
    throw new UsageError(
      `${spec.file}: program '${first.name}' is for a cgroup: say which with --cgroup PATH`,
    );
  }
  if (first === undefined)
    throw new UsageError(
      `--cgroup ${path}: ${spec.file} has no program for cgroups (lsm_cgroup/…)`,
    );
  const fd = await kernel.self.call('open', path, O.RDONLY | O.DIRECTORY);
  if (fd < 0) throw new UsageError(`--cgroup ${path}: ${errnoText(fd)}`);
  if (fileSystemType(path) !== MAGIC.cgroup2)
    throw new UsageError(`--cgroup ${path}: is not in a cgroup v2 file system`);
  return fd;
}

interface Attached {
  readonly program: string;
  readonly section: string;
  readonly linkFd: number;
}

async function attachAll(
  collection: Collection,
  cgroup: number | undefined,
): Promise<readonly Attached[]> {
  const attached: Attached[] = [];
  for (const program of collection.programs.values()) {
    if (!attachesItself(program.spec)) continue;
    const isCgroup = program.spec.attachType === 'LSM_CGROUP';
    const link = await program.attach(isCgroup && cgroup !== undefined ? { target: cgroup } : {});
    attached.push({ program: program.name, section: program.spec.section, linkFd: link.fd });
  }
  return attached;
}

async function pinAll(
  kernel: Kernel,
  folder: string,
  collection: Collection,
  attached: readonly Attached[],
): Promise<Pins> {
  const pins = new Pins(kernel.self);
  try {
    await pins.folder(folder);
    const links = new Map(attached.map(({ program, linkFd }) => [program, linkFd]));
    for (const { name, fd } of collection.programs.values())
      await pins.pin(links.get(name) ?? fd, `${folder}/${name}`);
    if (collection.maps.size > 0) await pins.folder(`${folder}/maps`);
    for (const map of collection.maps.values())
      await pins.pin(map.fd, `${folder}/maps/${map.name.replaceAll('.', '_')}`);
    return pins;
  } catch (error) {
    await pins.undo();
    throw error;
  }
}

function describeLoad(
  context: Context,
  collection: Collection,
  attached: readonly Attached[],
): void {
  for (const { program, section } of attached) context.write(`attached ${program} (${section})\n`);
  const names = new Set(attached.map(({ program }) => program));
  for (const { name, spec } of collection.programs.values())
    if (!names.has(name))
      context.write(
        `loaded ${name} (${spec.section}); it is not attached: its section does not say where\n`,
      );
}

/** What the command line gives of variables and maps. */
const given = (
  spec: CollectionSpec,
  flags: LoadFlags,
): Pick<LoadOptions, 'variables' | 'maps'> => ({
  variables: variables(spec, flags.var),
  maps: mapContents(spec, flags.map),
});

async function openCollection(
  context: Context,
  spec: CollectionSpec,
  options: LoadOptions,
  showLog: boolean,
): Promise<Collection> {
  const kernelBtf = readBtf(await options.kernel.btf(), { file: 'vmlinux' });
  for (const warning of nullTrapWarnings(spec, kernelBtf))
    context.warn(`krsi: warning: ${warning}\n`);
  try {
    return await Collection.load(spec, { ...options, kernelBtf, file: spec.file });
  } catch (error) {
    if (showLog && error instanceof LoadError && error.log !== undefined)
      context.warn(`${error.log.trimEnd()}\n`);
    throw error;
  }
}

/** `krsi load OBJECT` */
export async function load(context: Context, flags: LoadFlags, file: string): Promise<void> {
  const spec = readObject(readInput(file), { file });
  const options = given(spec, flags);
  await refuseInactive(context, spec, flags);
  const machine = await openLinux();
  const kernel = flags.token === undefined ? machine : await kernelWithToken(machine, flags.token);
  const cgroup = await openCgroup(kernel, spec, flags.cgroup);
  const collection = await openCollection(context, spec, { ...options, kernel }, flags.log);
  try {
    const attached = await attachAll(collection, cgroup);
    if (flags.pin !== undefined) {
      await pinAll(kernel, flags.pin, collection, attached);
      describeLoad(context, collection, attached);
      context.write(`pinned under ${flags.pin}: remove the files there to detach\n`);
      return;
    }
    await stay(context, collection, attached);
  } finally {
    await collection.close();
  }
}

/** Links last as long as this process, which therefore stays. */
async function stay(context: Context, collection: Collection, attached: readonly Attached[]) {
  describeLoad(context, collection, attached);
  context.write('in force until this command ends (Ctrl-C); with --pin DIR it would stay\n');
  const name = await new Promise<string>((resolve) => {
    const release = onSignal((signal) => {
      release();
      resolve(signal);
    });
  });
  await collection.close();
  const { length } = attached;
  context.write(`${name}: detached ${length} program${length === 1 ? '' : 's'}\n`);
}
