import { ERRNO } from '../abi/index.ts';
import { INSN_SIZE, decode } from '../isa/index.ts';
import type { Instruction } from '../isa/index.ts';
import { checkCalls } from './calls.ts';
import type { Diagnostic } from './diagnostic.ts';
import { findLiveCode } from './dead-code.ts';
import type { ReadConstant } from './dead-code.ts';
import { checkFunctions, checkReachable, findFunctions } from './functions.ts';
import { checkInstruction, checkOpcodes } from './instructions.ts';

/** `BPF_COMPLEXITY_LIMIT_INSNS`. */
const MAX_INSNS = 1_000_000;

export interface StructureOptions {
  /** `uname -r` of the kernel: instructions that it does not have yet are refused. */
  readonly release: string;
  /** Name of a helper by number, undefined when the kernel has none: `bpf_map_lookup_elem` for 1. */
  readonly helperName: (id: number) => string | undefined;
  /** Each function has a stack of its own: tracing programs since 6.13. */
  readonly privateStack?: boolean;
  /** Contents of maps that cannot change any more, which Linux takes for constants. */
  readonly readConstant?: ReadConstant;
}

/**
 * What Linux refuses whatever the values are, in the order of `bpf_check` (kernel/bpf/verifier.c). The checks come in
 * stages; all findings of the first stage that finds something are returned, and the first of them is the one that
 * Linux reports. Empty when nothing is wrong with the structure, which does not yet make a program safe.
 *
 * @param code as bpf(2) takes it: references are pseudo constants, not addresses.
 */
export function checkStructure(code: Uint8Array, options: StructureOptions): Diagnostic[] {
  const length = code.length / INSN_SIZE;
  if (!Number.isInteger(length))
    return [{ insn: -1, rule: 'length', kernelMessage: '', errno: ERRNO.EINVAL }];
  if (length === 0 || length > MAX_INSNS)
    return [{ insn: -1, rule: 'length', kernelMessage: '', errno: ERRNO.E2BIG }];

  const insns = decode(code);
  const out: Diagnostic[] = [];
  const program = findFunctions(insns, length, out);
  const live = (): Uint8Array => findLiveCode(insns, options.readConstant);
  const stages: readonly (() => void)[] = [
    () => checkFunctions(program, out),
    () => checkOpcodes(insns, options.release, out),
    () => checkReachable(program, out),
    () => checkEach(insns, live(), options, out),
    () => checkCalls(program, live(), options.privateStack ?? false, out),
  ];
  for (const stage of stages) {
    if (out.length > 0) break;
    stage();
  }
  return out;
}

function checkEach(
  insns: readonly Instruction[],
  live: Uint8Array,
  options: StructureOptions,
  out: Diagnostic[],
): void {
  for (const insn of insns) {
    if (live[insn.index] === 0) continue;
    const found = checkInstruction(insn, options.release, options.helperName);
    if (found !== undefined) out.push(found);
  }
}
