import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NEWER, NEWER_RELEASE } from './gen-abi-newer.ts';
import { commandGroups, structLayout, type Kernels, type Layout } from './gen-abi-layout.ts';
import { readBtf, type Btf, type BtfEnum } from '../src/btf/index.ts';
import { openKernelImage, shippedKernels } from '../src/node/index.ts';

/**
 * Writes src/abi/*.gen.ts from the BTF of the shipped kernels; `--check` compares instead and fails on a difference.
 * What a newer kernel adds, of which no BTF is shipped, comes from gen-abi-newer.ts.
 */
const abi = join(import.meta.dirname, '..', 'src', 'abi');
const HEADER = '// Made by scripts/gen-abi.ts from the BTF of the shipped kernels. Do not edit.\n';

const openShipped = (): Kernels =>
  shippedKernels().map(({ series }) => {
    const { btf, file } = openKernelImage(series);
    return [series, readBtf(btf, { file })] as const;
  });

interface EnumSource {
  readonly constant: string;
  /** Name of the enum, or of one enumerator when the enum has no name. */
  readonly from: { readonly name: string } | { readonly enumerator: string };
  readonly prefix: string;
}
const ENUMS: readonly EnumSource[] = [
  { constant: 'BPF_CMD', from: { name: 'bpf_cmd' }, prefix: 'BPF_' },
  { constant: 'BPF_MAP_TYPE', from: { name: 'bpf_map_type' }, prefix: 'BPF_MAP_TYPE_' },
  { constant: 'BPF_PROG_TYPE', from: { name: 'bpf_prog_type' }, prefix: 'BPF_PROG_TYPE_' },
  { constant: 'BPF_ATTACH_TYPE', from: { name: 'bpf_attach_type' }, prefix: 'BPF_' },
  { constant: 'BPF_LINK_TYPE', from: { name: 'bpf_link_type' }, prefix: 'BPF_LINK_TYPE_' },
  { constant: 'BPF_CORE_RELO', from: { name: 'bpf_core_relo_kind' }, prefix: 'BPF_CORE_' },
  { constant: 'BPF_ELEM', from: { enumerator: 'BPF_NOEXIST' }, prefix: 'BPF_' },
  { constant: 'BPF_F', from: { enumerator: 'BPF_F_NO_PREALLOC' }, prefix: 'BPF_F_' },
  { constant: 'BPF_F_INDEX', from: { enumerator: 'BPF_F_INDEX_MASK' }, prefix: 'BPF_F_' },
  { constant: 'BPF_F_STACK', from: { enumerator: 'BPF_F_USER_STACK' }, prefix: 'BPF_F_' },
  { constant: 'BPF_RB', from: { enumerator: 'BPF_RB_NO_WAKEUP' }, prefix: 'BPF_RB_' },
  { constant: 'BPF_RB_QUERY', from: { enumerator: 'BPF_RB_AVAIL_DATA' }, prefix: 'BPF_RB_' },
  { constant: 'BPF_RINGBUF', from: { enumerator: 'BPF_RINGBUF_BUSY_BIT' }, prefix: 'BPF_RINGBUF_' },
  {
    constant: 'BPF_LOCAL_STORAGE',
    from: { enumerator: 'BPF_LOCAL_STORAGE_GET_F_CREATE' },
    prefix: 'BPF_LOCAL_STORAGE_',
  },
  { constant: 'BTF_F', from: { enumerator: 'BTF_F_COMPACT' }, prefix: 'BTF_F_' },
];

/** Bounds of an enum and aliases kept under another prefix are no values of it. */
const isValue = (name: string, prefix: string): boolean =>
  name.startsWith(prefix) && !/^(__|MAX_)|^BPF_SK_STORAGE_/.test(name) && !name.includes('MAX_BPF');

function findEnum(btf: Btf, from: EnumSource['from']): BtfEnum {
  const is = (type: BtfEnum): boolean =>
    'name' in from
      ? type.name === from.name
      : type.values.some((value) => value.name === from.enumerator);
  for (let id = 1; id < btf.typeCount; id++) {
    const kind = btf.kind(id);
    if (kind !== 'enum' && kind !== 'enum64') continue;
    const type = btf.type(id) as BtfEnum;
    if (is(type)) return type;
  }
  throw new Error(`${btf.file} has no enum ${JSON.stringify(from)}`);
}

interface Value {
  readonly value: bigint;
  readonly since: string;
}
type Values = Map<string, Value>;

function add(values: Values, name: string, value: bigint, since: string): void {
  const known = values.get(name);
  if (known !== undefined && known.value !== value)
    throw new Error(`${name} is ${known.value} in ${known.since} and ${value} in ${since}`);
  if (known === undefined) values.set(name, { value, since });
}

function mergeEnum(kernels: Kernels, source: EnumSource): Values {
  const values: Values = new Map();
  for (const [series, btf] of kernels)
    for (const { name, value } of findEnum(btf, source.from).values)
      if (isValue(name, source.prefix))
        add(values, name.slice(source.prefix.length), value, series);
  for (const [name, value] of NEWER[source.constant] ?? [])
    add(values, name, BigInt(value), NEWER_RELEASE);
  return values;
}

const key = (name: string): string => (/^[A-Za-z_]\w*$/.test(name) ? name : `'${name}'`);

function writeEnum(source: EnumSource, values: Values, oldest: string): string {
  const origin =
    'name' in source.from
      ? `\`enum ${source.from.name}\``
      : `The enum that holds \`${source.from.enumerator}\``;
  const lines = [`/** ${origin}, names without their prefix \`${source.prefix}\`. */`];
  lines.push(`export const ${source.constant} = {`);
  for (const [name, { value, since }] of values) {
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new Error(`${name} is too large`);
    lines.push(`  ${key(name)}: ${value},${since === oldest ? '' : ` // since ${since}`}`);
  }
  lines.push('} as const;', '');
  return lines.join('\n');
}

function writeSince(all: ReadonlyMap<string, Values>, oldest: string): string {
  const lines = [
    `/** The first of the known releases that has a value; those in ${oldest} already are not listed. */`,
    'export const ENUM_SINCE: Readonly<Record<string, Readonly<Record<string, string>>>> = {',
  ];
  for (const [constant, values] of all) {
    const newer = [...values].filter(([, value]) => value.since !== oldest);
    if (newer.length === 0) continue;
    lines.push(`  ${constant}: {`);
    for (const [name, { since }] of newer) lines.push(`    ${key(name)}: '${since}',`);
    lines.push('  },');
  }
  lines.push('};', '');
  return lines.join('\n');
}

function enumsFile(kernels: Kernels): string {
  const oldest = kernels[0]![0];
  const all = new Map(ENUMS.map((source) => [source.constant, mergeEnum(kernels, source)]));
  const parts = ENUMS.map((source) => writeEnum(source, all.get(source.constant)!, oldest));
  return [HEADER, ...parts, writeSince(all, oldest)].join('\n');
}

function helpersFile(kernels: Kernels): string {
  const source: EnumSource = {
    constant: 'HELPERS',
    from: { name: 'bpf_func_id' },
    prefix: 'BPF_FUNC_',
  };
  const names = [...mergeEnum(kernels, source)];
  names.forEach(([name, { value }], at) => {
    if (value !== BigInt(at)) throw new Error(`helper ${name} is ${value}, not ${at}`);
  });
  const counts = kernels.map(([series, btf]) => {
    const values = findEnum(btf, source.from).values.filter((v) => isValue(v.name, source.prefix));
    return `  '${series}': ${values.length - 1},`;
  });
  return [
    HEADER,
    '/** `enum bpf_func_id`: the index is the number by which programs call the helper. */',
    'export const HELPERS = [',
    ...names.map(([name]) => `  '${name}',`),
    '] as const;',
    '',
    '/** Number of the last helper of each release. */',
    'export const LAST_HELPER: Readonly<Record<string, number>> = {',
    ...counts,
    '};',
    '',
  ].join('\n');
}

function writeLayout(layout: Layout, oldest: string): string[] {
  const lines: string[] = [];
  for (const [name, { offset, size, since }] of layout.fields) {
    const from = since === oldest ? '' : `, since: '${since}'`;
    lines.push(`    ${key(name)}: { offset: ${offset}, size: ${size}${from} },`);
  }
  return lines;
}

const writeSizes = (sizes: ReadonlyMap<string, number>): string =>
  `{ ${[...sizes].map(([series, size]) => `'${series}': ${size}`).join(', ')} }`;

const INFOS = ['bpf_prog_info', 'bpf_map_info', 'bpf_btf_info', 'bpf_link_info', 'bpf_token_info'];
const RECORDS = ['bpf_func_info', 'bpf_line_info'];

function layoutsFile(kernels: Kernels): string {
  const oldest = kernels[0]![0];
  const attr = structLayout(kernels, 'bpf_attr');
  const lines = [
    HEADER,
    '/** Offset and size in bytes. `since` is the first known release that has the field, if not the oldest. */',
    'export interface FieldLayout {',
    '  readonly offset: number;',
    '  readonly size: number;',
    '  readonly since?: string;',
    '}',
    '',
    '/** Size in bytes of each structure, by release. */',
    'export const STRUCT_SIZE = {',
    `  bpf_attr: ${writeSizes(attr.sizes)},`,
  ];
  const infos = [...INFOS, ...RECORDS].map((name) => [name, structLayout(kernels, name)] as const);
  for (const [name, layout] of infos) lines.push(`  ${name}: ${writeSizes(layout.sizes)},`);
  lines.push(
    '} as const satisfies Readonly<Record<string, Readonly<Record<string, number>>>>;',
    '',
  );
  lines.push(
    '/** `union bpf_attr` by the member that a command uses; `BPF_CMD_ATTR` tells which. */',
  );
  lines.push('export const BPF_ATTR = {');
  for (const [name, layout] of commandGroups(kernels))
    lines.push(`  ${name}: {`, ...writeLayout(layout, oldest), '  },');
  lines.push(
    '} as const satisfies Readonly<Record<string, Readonly<Record<string, FieldLayout>>>>;',
  );
  lines.push(
    '',
    '/** What OBJ_GET_INFO_BY_FD fills, and the records of BTF.ext as bpf(2) takes them. */',
  );
  lines.push('export const BPF_STRUCT = {');
  for (const [name, layout] of infos)
    lines.push(`  ${name}: {`, ...writeLayout(layout, oldest), '  },');
  lines.push(
    '} as const satisfies Readonly<Record<string, Readonly<Record<string, FieldLayout>>>>;',
    '',
  );
  return lines.join('\n');
}

function main(check: boolean): number {
  const kernels = openShipped();
  const files: Record<string, string> = {
    'enums.gen.ts': enumsFile(kernels),
    'helpers.gen.ts': helpersFile(kernels),
    'bpf-attr.gen.ts': layoutsFile(kernels),
  };
  const stale: string[] = [];
  for (const [name, text] of Object.entries(files)) {
    const path = join(abi, name);
    if (!check) writeFileSync(path, text);
    else if (readFileSync(path, 'utf8') !== text) stale.push(name);
  }
  for (const name of stale) console.error(`src/abi/${name} is not what the BTF says; run gen-abi`);
  if (stale.length === 0)
    console.log(`${Object.keys(files).length} files of src/abi agree with BTF`);
  return stale.length === 0 ? 0 : 1;
}

process.exitCode = main(process.argv.includes('--check'));
