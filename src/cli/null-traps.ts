import type { Btf } from '../btf/index.ts';
import type { CollectionSpec, ProgramSpec } from '../object/index.ts';
import { describeNullTrap, findNullTraps } from '../verifier/index.ts';

/** `file.c:12: if (!file)`: the line that an instruction comes from. */
function sourceOf({ lines }: ProgramSpec, insn: number): string {
  const line = lines.findLast((candidate) => candidate.insn <= insn);
  return line === undefined
    ? `instruction ${insn}`
    : `${line.file}:${line.line}: ${line.text.trim()}`;
}

/** One sentence for each use of an argument that may be NULL where Linux believes that it is not. */
export function nullTrapWarnings(spec: CollectionSpec, kernel: Btf): readonly string[] {
  return [...spec.programs.values()].flatMap((program) => {
    const { attachTo } = program;
    if (program.type !== 'LSM' || attachTo === undefined || !program.autoload) return [];
    return findNullTraps(program.code, attachTo, kernel).map(
      (trap) =>
        `${spec.file}: program '${program.name}': ${sourceOf(program, trap.insn)}: ` +
        describeNullTrap(trap, attachTo),
    );
  });
}
