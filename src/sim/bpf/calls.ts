import { ERRNO, HELPERS, LAST_HELPER } from '../../abi/index.ts';
import { POISON_HELPER } from '../../btf/core/patch.ts';
import { CALL, type Instruction } from '../../isa/index.ts';
import { HELPER_TABLE } from './helpers/table.ts';
import type { LineTable } from './lines.ts';
import { refuse } from './objects.ts';
import type { BpfState } from './state.ts';

const { EINVAL, EACCES } = ERRNO;

/** Refuses calls that this kernel does not have, that are not modelled, or that the program may not make. */
export function checkCalls(
  state: BpfState,
  insns: readonly Instruction[],
  program: { readonly gpl: boolean; readonly sleepable: boolean },
  lines: LineTable,
): void {
  for (const insn of insns) {
    if (insn.kind !== 'call') continue;
    if (insn.src === CALL.KFUNC) refuseKernelFunction(state, insn);
    if (insn.src === CALL.HELPER) checkHelper(insn, program, lines);
  }
}

function checkHelper(
  insn: Instruction,
  program: { readonly gpl: boolean; readonly sleepable: boolean },
  lines: LineTable,
): void {
  const id = insn.imm;
  const name = HELPERS[id];
  const line = lines.at(insn.index);
  const where = line === undefined ? '' : ` (${line.file}:${line.line}: ${line.text})`;
  if (id === POISON_HELPER)
    refuse(
      EINVAL,
      `instruction ${insn.index}${where} has a CO-RE relocation that found nothing in the target kernel`,
      `invalid func unknown#${id}\n`,
    );
  if (name === undefined || id === 0 || id > Math.max(...Object.values(LAST_HELPER)))
    refuse(EINVAL, `invalid func unknown#${id}${where}`, `invalid func unknown#${id}\n`);
  const helper = HELPER_TABLE[name];
  if (helper === undefined) refuse(EINVAL, `helper bpf_${name}#${id} is not modelled${where}`);
  const call = `bpf_${name}#${id}`;
  if (helper.gplOnly === true && !program.gpl)
    refuse(
      EINVAL,
      `cannot call GPL-restricted function ${call} from non-GPL compatible program`,
      'cannot call GPL-restricted function from non-GPL compatible program\n',
    );
  if (helper.sleeps === true && !program.sleepable)
    refuse(
      EINVAL,
      `helper ${call} might sleep in a non-sleepable prog${where}`,
      'helper call might sleep in a non-sleepable prog\n',
    );
}

function refuseKernelFunction({ host }: BpfState, insn: Instruction): never {
  const known = insn.imm > 0 && insn.imm < host.btf.typeCount;
  const name = known ? host.btf.name(insn.imm) : 'unknown';
  return refuse(
    EACCES,
    `kernel function ${name}#${insn.imm} at instruction ${insn.index} is not modelled`,
  );
}
