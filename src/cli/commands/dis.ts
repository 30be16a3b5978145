import { HELPERS } from '../../abi/index.ts';
import { decode, formatInsn, INSN_SIZE, type Instruction } from '../../isa/index.ts';
import { readInput } from '../../node/read-file.ts';
import { readObject, type ProgramSpec, type Reference } from '../../object/index.ts';
import { UsageError, type Context } from '../context.ts';

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

const helper = (id: number): string | undefined => {
  const name = HELPERS[id];
  return name === undefined ? undefined : `bpf_${name}`;
};

/** What a 64-bit immediate stands for before a kernel has given it a value. */
function referenceText({ target }: Reference): string {
  switch (target.kind) {
    case 'map':
      return `map[${target.map}]`;
    case 'map_value':
      return `map[${target.map}][0]+${target.offset}`;
    case 'func':
      return `func[${target.insn}]`;
    case 'ksym':
    case 'kfunc':
      return `ksym[${target.name}]`;
    default:
      return target satisfies never;
  }
}

const CALL = 0x85;

function insnText(insn: Instruction, reference: Reference | undefined): string {
  if (reference === undefined) return formatInsn(insn, { helper });
  const text = referenceText(reference);
  if (insn.opcode === CALL) return `(85) call ${text}`;
  return formatInsn(insn, { imm64: () => text });
}

function programText(program: ProgramSpec): string {
  const insns = decode(program.code);
  const references = new Map(program.references.map((r) => [r.insn, r]));
  const functions = new Map(program.functions.map((f) => [f.insn, f.name]));
  const lines = new Map(program.lines.map((line) => [line.insn, line]));
  // As the kernel counts: a 64-bit immediate takes two.
  const count = program.code.length / INSN_SIZE;
  const out = [`${program.section}: ${program.name} (${count} instructions)`];
  let shown = '';
  for (const insn of insns) {
    const name = functions.get(insn.index);
    if (name !== undefined) out.push(`${name}:`);
    const line = lines.get(insn.index);
    if (line !== undefined) {
      const source = `; ${line.text.trim()} @ ${baseName(line.file)}:${line.line}`;
      if (source !== shown) out.push(source);
      shown = source;
    }
    out.push(`${String(insn.index).padStart(5)}: ${insnText(insn, references.get(insn.index))}`);
  }
  return `${out.join('\n')}\n`;
}

export function disassembleObject(
  context: Context,
  _flags: object,
  file: string,
  only?: string,
): void {
  const { programs } = readObject(readInput(file), { file });
  const chosen = only === undefined ? [...programs.values()] : [programs.get(only)];
  const names = [...programs.keys()].join(', ') || 'none';
  const texts = chosen.map((program) => {
    if (program === undefined)
      throw new UsageError(`${file}: there is no program '${only}'; there are: ${names}`);
    return programText(program);
  });
  context.write(texts.length === 0 ? `${file}: no programs\n` : texts.join('\n'));
}
