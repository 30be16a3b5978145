import type { Btf, BtfInt, BtfType } from './types.ts';

const quoted = (name: string): string => `'${name === '' ? '(anon)' : name}'`;

const intEncoding = ({ signed, char, bool }: BtfInt): string => {
  const names = [signed ? 'SIGNED' : '', char ? 'CHAR' : '', bool ? 'BOOL' : ''].filter(Boolean);
  return names.length > 1 ? 'UNKN' : (names[0] ?? '(none)');
};

/** The rest of the line after the name, and the lines of the entries. */
const describe = (btf: Btf, type: BtfType): [head: string, entries?: readonly string[]] => {
  switch (type.kind) {
    case 'void':
      return [''];
    case 'int': {
      const { size, bitOffset, bits } = type;
      return [
        `size=${size} bits_offset=${bitOffset} nr_bits=${bits} encoding=${intEncoding(type)}`,
      ];
    }
    case 'ptr':
    case 'typedef':
    case 'volatile':
    case 'const':
    case 'restrict':
    case 'type_tag':
      return [`type_id=${type.type}`];
    case 'array':
      return [`type_id=${type.element} index_type_id=${type.index} nr_elems=${type.length}`];
    case 'struct':
    case 'union': {
      const members = type.members.map((m) => {
        const bits = m.bitSize === 0 ? '' : ` bitfield_size=${m.bitSize}`;
        return `${quoted(m.name)} type_id=${m.type} bits_offset=${m.bitOffset}${bits}`;
      });
      return [`size=${type.size} vlen=${members.length}`, members];
    }
    case 'enum':
    case 'enum64': {
      const suffix = type.kind === 'enum' ? '' : type.signed ? 'LL' : 'ULL';
      const values = type.values.map((v) => `${quoted(v.name)} val=${v.value}${suffix}`);
      const encoding = type.signed ? 'SIGNED' : 'UNSIGNED';
      return [`encoding=${encoding} size=${type.size} vlen=${values.length}`, values];
    }
    case 'fwd':
      return [`fwd_kind=${type.of}`];
    case 'func':
      return [`type_id=${type.type} linkage=${type.linkage}`];
    case 'func_proto': {
      const params = type.params.map((p) => `${quoted(p.name)} type_id=${p.type}`);
      return [`ret_type_id=${type.returns} vlen=${params.length}`, params];
    }
    case 'var':
      return [`type_id=${type.type}, linkage=${type.linkage}`];
    case 'datasec': {
      const vars = type.vars.map((v) => {
        const what = `(${btf.kind(v.type).toUpperCase()} ${quoted(btf.name(v.type))})`;
        return `type_id=${v.type} offset=${v.offset} size=${v.size} ${what}`;
      });
      return [`size=${type.size} vlen=${vars.length}`, vars];
    }
    case 'float':
      return [`size=${type.size}`];
    case 'decl_tag':
      return [`type_id=${type.type} component_idx=${type.component}`];
    default:
      return type satisfies never;
  }
};

/** All own types as `bpftool btf dump … format raw` prints them, a line each and one for each of their entries. */
export const printRaw = (btf: Btf): string => {
  let text = '';
  for (let id = btf.base?.typeCount ?? 1; id < btf.typeCount; id++) {
    const type = btf.type(id);
    const [head, entries = []] = describe(btf, type);
    text += `[${id}] ${type.kind.toUpperCase()} ${quoted(type.name)} ${head}\n`;
    for (const entry of entries) text += `\t${entry}\n`;
  }
  return text;
};
