/** A number in a file, by its place and its meaning: fields of one name may be exchanged for each other. */
export interface Field {
  readonly name: string;
  readonly at: number;
  readonly size: 1 | 2 | 4 | 8;
}

type Layout = readonly (readonly [name: string, offset: number, size: Field['size']])[];

const ELF_HEADER: Layout = [
  ['ei_class', 4, 1],
  ['ei_data', 5, 1],
  ['ei_version', 6, 1],
  ['e_type', 16, 2],
  ['e_machine', 18, 2],
  ['e_version', 20, 4],
  ['e_phoff', 32, 8],
  ['e_shoff', 40, 8],
  ['e_ehsize', 52, 2],
  ['e_phnum', 56, 2],
  ['e_shentsize', 58, 2],
  ['e_shnum', 60, 2],
  ['e_shstrndx', 62, 2],
];
const SECTION: Layout = [
  ['sh_name', 0, 4],
  ['sh_type', 4, 4],
  ['sh_flags', 8, 8],
  ['sh_addr', 16, 8],
  ['sh_offset', 24, 8],
  ['sh_size', 32, 8],
  ['sh_link', 40, 4],
  ['sh_info', 44, 4],
  ['sh_addralign', 48, 8],
  ['sh_entsize', 56, 8],
];
const SYMBOL: Layout = [
  ['st_name', 0, 4],
  ['st_info', 4, 1],
  ['st_shndx', 6, 2],
  ['st_value', 8, 8],
  ['st_size', 16, 8],
];
const RELOCATION: Layout = [
  ['r_offset', 0, 8],
  ['r_type', 8, 4],
  ['r_sym', 12, 4],
];
const BTF_HEADER: Layout = [
  ['magic', 0, 2],
  ['version', 2, 1],
  ['flags', 3, 1],
  ['hdr_len', 4, 4],
  ['type_off', 8, 4],
  ['type_len', 12, 4],
  ['str_off', 16, 4],
  ['str_len', 20, 4],
];
const BTF_EXT_HEADER: Layout = [
  ...BTF_HEADER.slice(0, 4),
  ['func_info_off', 8, 4],
  ['func_info_len', 12, 4],
  ['line_info_off', 16, 4],
  ['line_info_len', 20, 4],
  ['core_relo_off', 24, 4],
  ['core_relo_len', 28, 4],
];

const place = (layout: Layout, start: number): Field[] =>
  layout.map(([name, offset, size]) => ({ name, at: start + offset, size }));

const repeat = (layout: Layout, start: number, end: number, entry: number): Field[] =>
  Array.from({ length: Math.floor((end - start) / entry) }, (_, i) =>
    place(layout, start + i * entry),
  ).flat();

/** Words of a type record by kind, after name, info and size or type; the names of those that repeat come last. */
const TYPE_WORDS: Readonly<Record<number, { fixed: readonly string[]; entry: readonly string[] }>> =
  {
    1: { fixed: ['int_encoding'], entry: [] },
    3: { fixed: ['type_ref', 'type_ref', 'nelems'], entry: [] },
    4: { fixed: [], entry: ['name_off', 'type_ref', 'member_offset'] },
    5: { fixed: [], entry: ['name_off', 'type_ref', 'member_offset'] },
    6: { fixed: [], entry: ['name_off', 'enum_value'] },
    13: { fixed: [], entry: ['name_off', 'type_ref'] },
    14: { fixed: ['linkage'], entry: [] },
    15: { fixed: [], entry: ['type_ref', 'var_offset', 'var_size'] },
    17: { fixed: ['component_idx'], entry: [] },
    19: { fixed: [], entry: ['name_off', 'enum_value', 'enum_value_high'] },
  };
const SIZED_KINDS = new Set([1, 4, 5, 6, 15, 16, 19]);

/** The fields of raw BTF that is sound. `start` is its place in the file. */
export const btfFields = (view: DataView, start: number): readonly Field[] => {
  const fields = place(BTF_HEADER, start);
  const first = start + view.getUint32(start + 4, true) + view.getUint32(start + 8, true);
  const end = first + view.getUint32(start + 12, true);
  for (let at = first; at < end;) {
    const info = view.getUint32(at + 4, true);
    const kind = (info >>> 24) & 31;
    const { fixed, entry } = TYPE_WORDS[kind] ?? { fixed: [], entry: [] };
    const entries = Array.from({ length: info & 0xffff }, () => entry).flat();
    fields.push({ name: 'vlen', at: at + 4, size: 2 }, { name: 'kind', at: at + 7, size: 1 });
    const words = [
      'name_off',
      '',
      SIZED_KINDS.has(kind) ? 'size' : 'type_ref',
      ...fixed,
      ...entries,
    ];
    for (const [i, name] of words.entries())
      if (name !== '') fields.push({ name, at: at + i * 4, size: 4 });
    at += words.length * 4;
  }
  return fields;
};

/** The fields of `.BTF.ext`: its header, and all words of its three tables. */
const btfExtFields = (view: DataView, start: number): readonly Field[] => {
  const fields = place(BTF_EXT_HEADER, start);
  const base = start + view.getUint32(start + 4, true);
  for (const [i, table] of ['func_info', 'line_info', 'core_relo'].entries()) {
    const from = base + view.getUint32(start + 8 + i * 8, true);
    const to = from + view.getUint32(start + 12 + i * 8, true);
    for (let at = from; at < to; at += 4) {
      const name = at === from ? `${table}_rec_size` : `${table}_word_${((at - from - 4) / 4) % 4}`;
      fields.push({ name, at, size: 4 });
    }
  }
  return fields;
};

const SHT_SYMTAB = 2;
const SHT_REL = 9;

/** The fields of a sound 64-bit ELF file, and of the BTF in it. */
export const elfFields = (view: DataView): readonly Field[] => {
  const number = (at: number): number => Number(view.getBigUint64(at, true));
  const table = number(40);
  const count = view.getUint16(60, true);
  const sections = Array.from({ length: count }, (_, i) => table + i * 64);
  const offsetOf = (section: number): number => number(section + 24);
  const names = offsetOf(sections[view.getUint16(62, true)] ?? 0);
  const startsWith = (at: number, text: string): boolean =>
    Buffer.from(`${text}\0`).every((byte, i) => view.getUint8(at + i) === byte);
  const inner = sections.flatMap((section) => {
    const start = offsetOf(section);
    const end = start + number(section + 32);
    const type = view.getUint32(section + 4, true);
    const name = names + view.getUint32(section, true);
    if (type === SHT_SYMTAB) return repeat(SYMBOL, start, end, 24);
    if (type === SHT_REL) return repeat(RELOCATION, start, end, 16);
    if (startsWith(name, '.BTF')) return btfFields(view, start);
    return startsWith(name, '.BTF.ext') ? btfExtFields(view, start) : [];
  });
  return [...place(ELF_HEADER, 0), ...sections.flatMap((at) => place(SECTION, at)), ...inner];
};
