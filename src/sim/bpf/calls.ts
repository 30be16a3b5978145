import { ERRNO, HELPERS } from '../../abi/index.ts';
import { lsmHelperRefusal, type LsmProgramKind } from '../../abi/lsm-helpers.ts';
import { POISON_HELPER } from '../../btf/core/patch.ts';
import { CALL, type Instruction } from '../../isa/index.ts';
import { HELPER_TABLE } from './helpers/table.ts';
import type { LineTable } from './lines.ts';
import { refuse } from './objects.ts';
import type { BpfState } from './state.ts';

const { EINVAL, EACCES, ENOTSUPP } = ERRNO;

/** What decides which calls a program may make. */
export interface Caller {
  readonly gpl: boolean;
  readonly sleepable: boolean;
  /** Undefined for programs of other types, which load but do not run. */
  readonly lsm: LsmProgramKind | undefined;
}

/** Refuses calls that this kernel does not have, that are not modelled, or that the program may not make. */
export function checkCalls(
  state: BpfState,
  insns: readonly Instruction[],
  caller: Caller,
  lines: LineTable,
): void {
  for (const insn of insns) {
    if (insn.kind !== 'call') continue;
    if (insn.src === CALL.KFUNC) refuseKernelFunction(state, insn);
    if (insn.src === CALL.HELPER) checkHelper(state.host.release, insn, caller, lines);
  }
}

function checkHelper(release: string, insn: Instruction, caller: Caller, lines: LineTable): void {
  const id = insn.imm;
  const line = lines.at(insn.index);
  const where =
    `instruction ${insn.index}` +
    (line === undefined ? '' : ` (${line.file}:${line.line}: ${line.text})`);
  if (id === POISON_HELPER)
    refuse(
      EINVAL,
      `${where} has a CO-RE relocation that found nothing in the target kernel`,
      `invalid func unknown#${id}\n`,
    );
  const name = HELPERS[id];
  const refusal =
    caller.lsm === undefined
      ? name === undefined || id === 0
        ? `invalid func unknown#${id}`
        : undefined
      : lsmHelperRefusal(release, caller.lsm, id);
  if (refusal !== undefined)
    refuse(
      refusal.includes('not supported') ? ENOTSUPP : EINVAL,
      `${refusal}: ${where}`,
      `${refusal}\n`,
    );
  const helper = HELPER_TABLE[name ?? ''];
  if (helper === undefined) refuse(EINVAL, `helper bpf_${name}#${id} is not modelled: ${where}`);
  if (helper.gplOnly === true && !caller.gpl)
    refuse(
      EINVAL,
      `cannot call GPL-restricted function bpf_${name}#${id} from non-GPL compatible program`,
      'cannot call GPL-restricted function from non-GPL compatible program\n',
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
