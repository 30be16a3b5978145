import { elfError, STT, type Relocation } from './elf.ts';
import { functionAt } from './functions.ts';
import { MAPS_SECTION, type DeclaredMap } from './maps.ts';
import type { MapSpec, ProgramSpec } from './spec.ts';
import type { UseContext } from './uses.ts';

const POINTER_SIZE = 8;

/** The map or program that a pointer in `.maps` names. */
const targetOf = (
  context: UseContext,
  holds: DeclaredMap['holds'],
  relocation: Relocation,
  programs: ReadonlyMap<string, ProgramSpec>,
): string | undefined => {
  const { elf, symbols, maps, functions } = context;
  const { symbol, offset } = relocation;
  const section = symbols.sectionIndex(symbol);
  const place = elf.sections[maps.section]?.offset ?? 0;
  // A static target is named by the symbol of its section, and its place in there stands in the pointer.
  const addend =
    symbols.type(symbol) === STT.SECTION ? elf.view.getUint32(place + offset, true) : 0;
  const value = symbols.value(symbol) + addend;
  if (holds === 'map') return section === maps.section ? maps.byOffset.get(value) : undefined;
  const name = functionAt(functions, section, value / 8)?.name;
  return name !== undefined && programs.has(name) ? name : undefined;
};

/**
 * Applies the relocations of `.maps`: each puts a map or program into a slot (libbpf: `bpf_object__collect_map_relos`).
 * @throws {FormatError} that names the map, for a pointer that is in no slot or names nothing that fits.
 */
export const fillSlots = (
  context: UseContext,
  declared: readonly DeclaredMap[],
  relocations: readonly Relocation[],
  programs: ReadonlyMap<string, ProgramSpec>,
): readonly MapSpec[] => {
  const slots = new Map(declared.map((map) => [map, new Map<number, string>()]));
  for (const relocation of relocations) {
    const { offset } = relocation;
    const map = declared.find((m) => offset >= m.offset && offset < m.offset + m.size);
    const fail = (rule: string): never => {
      throw elfError(
        context.elf.file,
        offset,
        `map ${map?.spec.name ?? '(none)'}: ${rule}`,
        MAPS_SECTION,
      );
    };
    const start = map?.valuesOffset;
    if (map === undefined || start === undefined) {
      fail('a pointer that is in no values');
      continue;
    }
    const index = (offset - map.offset - start) / POINTER_SIZE;
    if (index < 0 || !Number.isInteger(index)) fail('a pointer that is in no slot of its values');
    const target = targetOf(context, map.holds, relocation, programs);
    if (target === undefined)
      fail(
        `slot ${index} holds ${context.symbols.name(relocation.symbol)}, which is no ${map.holds}`,
      );
    else slots.get(map)?.set(index, target);
  }
  return declared.map((map) => ({ ...map.spec, slots: slots.get(map) ?? new Map() }));
};
