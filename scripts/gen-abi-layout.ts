import type { Btf, BtfComposite, Member } from '../src/btf/index.ts';

/** `[series, BTF]`, oldest first. */
export type Kernels = readonly (readonly [string, Btf])[];

interface Field {
  readonly offset: number;
  readonly size: number;
  readonly since: string;
}
export interface Layout {
  readonly fields: Map<string, Field>;
  /** Size of the structure by series. */
  readonly sizes: Map<string, number>;
}

/** Anonymous members of `union bpf_attr`, known by their first field: which commands they serve. */
const GROUP_OF_FIRST_FIELD: Readonly<Record<string, string>> = {
  map_type: 'map_create',
  map_fd: 'map_elem',
  prog_type: 'prog_load',
  pathname: 'obj',
  target_fd: 'prog_attach',
  start_id: 'get_id',
  btf: 'btf_load',
};

function composite(btf: Btf, id: number): BtfComposite | undefined {
  const type = btf.type(btf.resolve(id));
  return type.kind === 'struct' || type.kind === 'union' ? type : undefined;
}

function addField(layout: Layout, path: string, offset: number, size: number, since: string): void {
  const known = layout.fields.get(path);
  if (known !== undefined && (known.offset !== offset || known.size !== size))
    throw new Error(`${path} moves or changes its size in ${since}`);
  if (known === undefined) layout.fields.set(path, { offset, size, since });
}

/** Adds the leaves under `members`: named structs prefix theirs with `name.`, anonymous ones do not. */
function addMembers(
  layout: Layout,
  kernel: readonly [string, Btf],
  members: readonly Member[],
  prefix: string,
  base: number,
): void {
  const [series, btf] = kernel;
  for (const member of members) {
    const offset = base + Math.floor(member.bitOffset / 8);
    const inner = composite(btf, member.type);
    if (inner !== undefined) {
      const path = member.name === '' ? prefix : `${prefix}${member.name}.`;
      addMembers(layout, kernel, inner.members, path, offset);
    } else if (member.name !== '' && member.bitSize === 0) {
      addField(layout, prefix + member.name, offset, btf.sizeOf(member.type), series);
    }
  }
}

const newLayout = (): Layout => ({ fields: new Map(), sizes: new Map() });

function find(btf: Btf, name: string): BtfComposite {
  const id = btf.find(name, 'struct', 'union');
  const type = id === undefined ? undefined : composite(btf, id);
  if (type === undefined) throw new Error(`${btf.file} has no struct or union ${name}`);
  return type;
}

/** All fields of a structure over the kernels; throws when one moves, as the user ABI forbids. */
export function structLayout(kernels: Kernels, name: string): Layout {
  const layout = newLayout();
  // A structure that came later is in the newest kernel at least.
  const having = kernels.filter(
    (kernel) => kernel === kernels.at(-1) || kernel[1].find(name, 'struct', 'union') !== undefined,
  );
  for (const kernel of having) {
    const type = find(kernel[1], name);
    layout.sizes.set(kernel[0], type.size);
    addMembers(layout, kernel, type.members, '', 0);
  }
  return layout;
}

function firstField(btf: Btf, type: BtfComposite): string {
  const member = type.members[0];
  if (member === undefined) throw new Error('an empty structure in union bpf_attr');
  const inner = member.name === '' ? composite(btf, member.type) : undefined;
  return inner === undefined ? member.name : firstField(btf, inner);
}

/** The members of `union bpf_attr`, each a layout of its own. */
export function commandGroups(kernels: Kernels): Map<string, Layout> {
  const groups = new Map<string, Layout>();
  for (const kernel of kernels) {
    const [series, btf] = kernel;
    for (const member of find(btf, 'bpf_attr').members) {
      const inner = composite(btf, member.type);
      if (inner === undefined) throw new Error(`bpf_attr.${member.name} is not a structure`);
      const first = firstField(btf, inner);
      const name = member.name === '' ? GROUP_OF_FIRST_FIELD[first] : member.name;
      if (name === undefined) throw new Error(`a new member of bpf_attr starts with ${first}`);
      const layout = groups.get(name) ?? newLayout();
      groups.set(name, layout);
      layout.sizes.set(series, inner.size);
      addMembers(layout, kernel, inner.members, '', 0);
    }
  }
  return groups;
}
