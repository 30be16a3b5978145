import type { Btf, TypeId } from '../btf/types.ts';
import { forRecords, type BtfExt, type Records } from './btf-ext.ts';
import { elfError, type Elf } from './elf.ts';
import type { Func } from './functions.ts';
import type { CoreRelocation, FunctionSpec, LineSpec, ProgramSpec, Reference } from './spec.ts';
import { PSEUDO_FUNC, type Use } from './uses.ts';

const INSN_SIZE = 8;
const LINE_INFO_SIZE = 16;
/** BPF_COMPLEXITY_LIMIT_INSNS: the longest program that any kernel takes. */
const MAX_INSNS = 1_000_000;

export type LinkedCode = Pick<
  ProgramSpec,
  'code' | 'functions' | 'references' | 'lineInfo' | 'lines' | 'coreRelocations'
>;

export interface LinkContext {
  readonly elf: Elf;
  readonly btf: Btf | undefined;
  readonly ext: BtfExt | undefined;
  /** Found once for each function, also when many programs call it. */
  uses(func: Func): readonly Use[];
}

/** Functions with their first instruction in the program, in order. */
type Layout = ReadonlyMap<Func, number>;

/**
 * Places the functions that `main` reaches as libbpf does: a subprogram comes behind what is there already as soon as a
 * call of it is met, and its own calls are looked at before those that follow in the caller.
 */
const layOut = (context: LinkContext, main: Func): Layout => {
  const layout = new Map<Func, number>();
  const stack: Iterator<Use>[] = [];
  let size = 0;
  const place = (func: Func): void => {
    layout.set(func, size);
    size += func.end - func.start;
    if (size > MAX_INSNS)
      throw elfError(
        context.elf.file,
        main.start * INSN_SIZE,
        `program ${main.name} has more than ${MAX_INSNS} instructions with its subprograms`,
        main.section.name,
      );
    stack.push(context.uses(func)[Symbol.iterator]());
  };
  place(main);
  for (let uses = stack.at(-1); uses !== undefined; uses = stack.at(-1)) {
    const { value: use, done } = uses.next();
    if (done === true) stack.pop();
    else if (use.kind !== 'reference' && !layout.has(use.func)) place(use.func);
  }
  return layout;
};

const copyCode = (context: LinkContext, layout: Layout): Uint8Array => {
  const { bytes } = context.elf;
  let size = 0;
  for (const func of layout.keys()) size += func.end - func.start;
  const code = new Uint8Array(size * INSN_SIZE);
  for (const [{ section, start, end }, at] of layout)
    code.set(
      bytes.subarray(section.offset + start * INSN_SIZE, section.offset + end * INSN_SIZE),
      at * INSN_SIZE,
    );
  return code;
};

/** Points calls and function addresses at their targets; both count from the instruction after. */
const resolveUses = (context: LinkContext, layout: Layout, code: Uint8Array): Reference[] => {
  const view = new DataView(code.buffer);
  const references: Reference[] = [];
  for (const [func, start] of layout)
    for (const use of context.uses(func)) {
      const insn = start + use.insn;
      if (use.kind === 'reference') {
        references.push({ insn, target: use.target });
        continue;
      }
      const target = layout.get(use.func) ?? 0;
      const place = insn * INSN_SIZE;
      view.setInt32(place + 4, target - insn - 1, true);
      if (use.kind === 'call') continue;
      view.setUint8(place + 1, (view.getUint8(place + 1) & 0xf) | (PSEUDO_FUNC << 4));
      references.push({ insn, target: { kind: 'func', insn: target } });
    }
  return references;
};

const functionSpecs = (ext: BtfExt | undefined, layout: Layout): FunctionSpec[] =>
  Array.from(layout, ([func, insn]) => {
    let btfId: TypeId | undefined;
    forRecords(ext?.funcs.get(func.section.name), func.start, func.start + 1, (_, place) => {
      btfId = ext?.view.getUint32(place + 4, true);
    });
    return { name: func.name, insn, btfId };
  });

/** Visits the records of all functions of a program, with the instruction in the program that each is about. */
const forProgramRecords = (
  table: ReadonlyMap<string, Records>,
  layout: Layout,
  visit: (insn: number, place: number) => void,
): void => {
  for (const [{ section, start, end }, at] of layout)
    forRecords(table.get(section.name), start, end, (insn, place) => {
      visit(insn - start + at, place);
    });
};

const copyLineInfo = (ext: BtfExt | undefined, layout: Layout): Uint8Array => {
  if (ext === undefined) return new Uint8Array(0);
  const found: [insn: number, place: number][] = [];
  forProgramRecords(ext.lines, layout, (insn, place) => found.push([insn, place]));
  const bytes = new Uint8Array(found.length * LINE_INFO_SIZE);
  const view = new DataView(bytes.buffer);
  found.forEach(([insn, place], i) => {
    view.setUint32(i * LINE_INFO_SIZE, insn, true);
    for (const at of [4, 8, 12])
      view.setUint32(i * LINE_INFO_SIZE + at, ext.view.getUint32(place + at, true), true);
  });
  return bytes;
};

const decodeLines = (btf: Btf | undefined, lineInfo: Uint8Array): LineSpec[] => {
  if (btf === undefined) return [];
  const view = new DataView(lineInfo.buffer);
  return Array.from({ length: lineInfo.length / LINE_INFO_SIZE }, (_, i) => {
    const at = i * LINE_INFO_SIZE;
    const place = view.getUint32(at + 12, true);
    return {
      insn: view.getUint32(at, true),
      file: btf.string(view.getUint32(at + 4, true)),
      text: btf.string(view.getUint32(at + 8, true)),
      line: place >>> 10,
      column: place & 0x3ff,
    };
  });
};

const coreRelocations = (context: LinkContext, layout: Layout): CoreRelocation[] => {
  const { btf, ext } = context;
  if (btf === undefined || ext === undefined) return [];
  const found: CoreRelocation[] = [];
  forProgramRecords(ext.core, layout, (insn, place) => {
    found.push({
      insn,
      typeId: ext.view.getUint32(place + 4, true),
      access: btf.string(ext.view.getUint32(place + 8, true)),
      kind: ext.view.getUint32(place + 12, true),
    });
  });
  return found;
};

/**
 * Puts a program together from its main function and all that it reaches.
 * @throws {FormatError} for calls that lead nowhere, and for programs longer than any kernel takes.
 */
export const linkProgram = (context: LinkContext, main: Func): LinkedCode => {
  const { btf, ext } = context;
  const layout = layOut(context, main);
  const code = copyCode(context, layout);
  const lineInfo = copyLineInfo(ext, layout);
  let lines: readonly LineSpec[] | undefined;
  return {
    code,
    functions: functionSpecs(ext, layout),
    references: resolveUses(context, layout, code),
    lineInfo,
    // Most readers of an object never look at its source text.
    get lines() {
      lines ??= decodeLines(btf, lineInfo);
      return lines;
    },
    coreRelocations: coreRelocations(context, layout),
  };
};
