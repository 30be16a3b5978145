import type { Btf, BtfVar, TypeId } from '../btf/types.ts';
import { elfError, SHN_UNDEF, STB, type Symbols } from './elf.ts';

/** What the file names but does not define. */
export type Extern =
  | { readonly kind: 'kconfig'; readonly name: string }
  | {
      readonly kind: 'ksym';
      readonly name: string;
      readonly weak: boolean;
      /** FUNC of a function; the declared type of a variable, `void` (0, or a qualified one) if it has none. */
      readonly typeId: TypeId;
      readonly isFunction: boolean;
    };

export interface KconfigVar {
  readonly name: string;
  readonly varId: TypeId;
  readonly typeId: TypeId;
  readonly offset: number;
  readonly size: number;
  readonly weak: boolean;
}

export interface Externs {
  /** By index in the symbol table. */
  readonly bySymbol: ReadonlyMap<number, Extern>;
  /** Variables of the `.kconfig` section that exists only in the loader, in order of their offsets. */
  readonly kconfig: readonly KconfigVar[];
  readonly kconfigSize: number;
}

interface ExternSymbol {
  readonly index: number;
  readonly name: string;
  readonly weak: boolean;
}

const STT_NOTYPE = 0;

const externSymbols = (symbols: Symbols): readonly ExternSymbol[] => {
  const found: ExternSymbol[] = [];
  for (let index = 1; index < symbols.count; index++) {
    if (symbols.sectionIndex(index) !== SHN_UNDEF || symbols.type(index) !== STT_NOTYPE) continue;
    const bind = symbols.bind(index);
    if (bind === STB.GLOBAL || bind === STB.WEAK)
      found.push({ index, name: symbols.name(index), weak: bind === STB.WEAK });
  }
  return found;
};

/** Ids that a DATASEC lists. */
const listed = (btf: Btf, section: string): readonly TypeId[] => {
  const id = btf.find(section, 'datasec');
  const type = id === undefined ? undefined : btf.type(id);
  return type?.kind === 'datasec' ? type.vars.map((v) => v.type) : [];
};

/**
 * Size and alignment of a `.kconfig` variable: bool, `enum libbpf_tristate`, char, an integer, or an array of char
 * (libbpf: `find_kcfg_type`).
 */
const kconfigLayout = (btf: Btf, typeId: TypeId): { size: number; align: number } | undefined => {
  const type = btf.type(btf.resolve(typeId));
  const size = btf.sizeOf(typeId);
  if (type.kind === 'int') return size <= (type.bool ? 1 : 8) ? { size, align: size } : undefined;
  if ((type.kind === 'enum' || type.kind === 'enum64') && type.name === 'libbpf_tristate')
    return size === 4 ? { size, align: 4 } : undefined;
  if (type.kind !== 'array' || type.length === 0) return undefined;
  const element = btf.type(btf.resolve(type.element));
  const char = element.kind === 'int' && element.size === 1 && !element.bool;
  return char ? { size, align: 1 } : undefined;
};

interface Unplaced extends Omit<KconfigVar, 'offset'> {
  readonly align: number;
}

/** The order in which libbpf lays out `.kconfig`: by alignment (largest first), size and name. */
const compare = (a: Unplaced, b: Unplaced): number =>
  b.align - a.align || a.size - b.size || (a.name < b.name ? -1 : 1);

const layOutKconfig = (
  btf: Btf,
  found: readonly ExternSymbol[],
): Pick<Externs, 'kconfig' | 'kconfigSize'> => {
  const strong = new Set(found.filter((s) => !s.weak).map((s) => s.name));
  const unplaced = listed(btf, '.kconfig').map((varId): Unplaced => {
    const variable = btf.type(varId);
    const layout = variable.kind === 'var' ? kconfigLayout(btf, variable.type) : undefined;
    if (variable.kind !== 'var' || layout === undefined)
      throw elfError(
        btf.file,
        0,
        `extern ${variable.name} is neither bool, enum libbpf_tristate, an integer nor a string`,
        '.kconfig',
      );
    const { name, type: typeId } = variable;
    // A symbol that no instruction uses may be missing; then nobody misses its value either.
    return { name, varId, typeId, ...layout, weak: !strong.has(name) };
  });
  let kconfigSize = 0;
  const kconfig = unplaced.toSorted(compare).map(({ align, ...rest }) => {
    const offset = Math.ceil(kconfigSize / align) * align;
    kconfigSize = offset + rest.size;
    return { ...rest, offset };
  });
  return { kconfig, kconfigSize };
};

/** Names of kernel symbols go without a CO-RE flavor: `foo___v2` is `foo` (libbpf: `bpf_core_essential_name_len`). */
const withoutFlavor = (name: string): string => name.replace(/^(.*[^_])___[^_].*$/s, '$1');

/**
 * Gathers the externs of `.kconfig` and `.ksyms`.
 * @throws {FormatError} for an undefined symbol that no BTF describes, or that is in neither section.
 */
export const collectExterns = (
  symbols: Symbols,
  openBtf: () => Btf | undefined,
  file: string,
): Externs => {
  const found = externSymbols(symbols);
  const [first] = found;
  const bySymbol = new Map<number, Extern>();
  const btf = first === undefined ? undefined : openBtf();
  if (btf === undefined) {
    if (first !== undefined)
      throw elfError(
        file,
        0,
        `extern ${first.name} needs BTF, build with -g`,
        symbols.section.name,
      );
    return { bySymbol, kconfig: [], kconfigSize: 0 };
  }
  const placed = layOutKconfig(btf, found);
  const kconfigNames = new Set(placed.kconfig.map((v) => v.name));
  const ksyms = new Map(listed(btf, '.ksyms').map((id) => [btf.name(id), btf.type(id)]));
  for (const { index, name, weak } of found) {
    const ksym = ksyms.get(name);
    if (kconfigNames.has(name)) bySymbol.set(index, { kind: 'kconfig', name });
    else if (ksym?.kind === 'func' || ksym?.kind === 'var') {
      const isFunction = ksym.kind === 'func';
      const typeId = isFunction ? ksym.id : (ksym satisfies BtfVar).type;
      bySymbol.set(index, { kind: 'ksym', name: withoutFlavor(name), weak, typeId, isFunction });
    } else
      throw elfError(
        file,
        0,
        `extern ${name} is in neither .kconfig nor .ksyms; declare it with __kconfig or __ksym`,
        symbols.section.name,
      );
  }
  return { bySymbol, ...placed };
};
