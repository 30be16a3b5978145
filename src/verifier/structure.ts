import { ERRNO } from '../abi/index.ts';
import { INSN_SIZE, decode } from '../isa/index.ts';
import { checkCalls } from './calls.ts';
import type { Diagnostic } from './diagnostic.ts';
import { findCertainCode, findLiveCode } from './dead-code.ts';
import { checkFunctions, checkReachable, findFunctions } from './functions.ts';
import type { Program } from './functions.ts';
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
}

/**
 * What Linux refuses without following values, in the order of `bpf_check` (kernel/bpf/verifier.c). The checks come in
 * stages; the findings of all stages up to the first that surely refuses are returned, and the first certain one is
 * Linux's. Empty when nothing is wrong with the structure, which does not yet make a program safe.
 *
 * @param code as bpf(2) takes it: references are pseudo constants, not addresses.
 */
export function checkStructure(code: Uint8Array, options: StructureOptions): Diagnostic[] {
  const length = code.length / INSN_SIZE;
  if (!Number.isInteger(length))
    return [{ insn: -1, rule: 'length', kernelMessage: '', errno: ERRNO.EINVAL, certain: true }];
  if (length === 0 || length > MAX_INSNS)
    return [{ insn: -1, rule: 'length', kernelMessage: '', errno: ERRNO.E2BIG, certain: true }];

  const insns = decode(code);
  const out: Diagnostic[] = [];
  const program = findFunctions(insns, length, out);
  const stages: readonly (() => void)[] = [
    () => checkFunctions(program, out),
    () => checkOpcodes(insns, options.release, out),
    () => checkReachable(program, out),
    () => checkEach(program, options, out),
    () => checkCalls(program, options.privateStack ?? false, out),
  ];
  for (const stage of stages) {
    if (out.some(({ certain }) => certain)) break;
    stage();
  }
  return out;
}

function checkEach({ insns }: Program, options: StructureOptions, out: Diagnostic[]): void {
  const certain = findCertainCode(insns);
  const live = findLiveCode(insns);
  for (const insn of insns) {
    if (live[insn.index] === 0) continue;
    const found = checkInstruction(insn, options.release, options.helperName);
    if (found !== undefined) out.push({ ...found, certain: certain[insn.index] === 1 });
  }
}
