import { ERRNO } from '../abi/index.ts';
import { CALL, CLASS, JMP, PSEUDO } from '../isa/index.ts';
import type { Instruction } from '../isa/index.ts';
import type { Diagnostic } from './diagnostic.ts';

/** `BPF_MAX_SUBPROGS`. */
const MAX_FUNCTIONS = 256;

/** A program cut into functions, and instructions by slot. */
export interface Program {
  readonly insns: readonly Instruction[];
  /** In slots. */
  readonly length: number;
  /** First slots of the functions, ascending; the main function starts at 0. */
  readonly starts: readonly number[];
}

/** True for a call of a function of the same program. */
export const isLocalCall = (insn: Instruction): boolean =>
  insn.kind === 'call' && insn.src === CALL.LOCAL;

/** True for a load of the address of a function. */
export const isFunctionLoad = (insn: Instruction): boolean =>
  insn.kind === 'load_imm64' && insn.src === PSEUDO.FUNC;

/** Slot that a local call or a function load names. */
export const calleeOf = (insn: Instruction): number => insn.index + 1 + insn.imm;

/** Slot that a jump goes to when it is taken. */
export const targetOf = (insn: Instruction): number =>
  insn.index +
  1 +
  (insn.kind === 'goto' && (insn.opcode & 7) === CLASS.JMP32 ? insn.imm : insn.off);

const isJump = ({ kind }: Instruction): boolean =>
  kind === 'jump' || kind === 'goto' || kind === 'may_goto';

/** Linux looks at targets before it knows whether the operation of a jump exists. */
function looksLikeJump({ opcode }: Instruction): boolean {
  const cls = opcode & 7;
  const op = opcode & 0xf0;
  return (cls === CLASS.JMP || cls === CLASS.JMP32) && op !== JMP.CALL && op !== JMP.EXIT;
}

/** The functions of a program (`add_subprog_and_kfunc`). */
export function findFunctions(
  insns: readonly Instruction[],
  length: number,
  out: Diagnostic[],
): Program {
  const starts = new Set([0]);
  for (const insn of insns) {
    if (!isLocalCall(insn) && !isFunctionLoad(insn)) continue;
    const start = calleeOf(insn);
    if (start < 0 || start >= length)
      out.push({
        insn: insn.index,
        rule: 'function',
        kernelMessage: 'call to invalid destination',
        errno: ERRNO.EINVAL,
      });
    else starts.add(start);
  }
  if (starts.size > MAX_FUNCTIONS)
    out.push({
      insn: -1,
      rule: 'function',
      kernelMessage: 'too many subprograms',
      errno: ERRNO.E2BIG,
    });
  return { insns, length, starts: [...starts].toSorted((a, b) => a - b) };
}

/** Jumps stay in their function, and no function runs on into the next one (`check_subprogs`). */
export function checkFunctions({ insns, length, starts }: Program, out: Diagnostic[]): void {
  let current = 0;
  insns.forEach((insn, i) => {
    while (insn.index >= (starts[current + 1] ?? length)) current += 1;
    const start = starts[current] ?? 0;
    const end = starts[current + 1] ?? length;
    if (looksLikeJump(insn)) {
      const to = targetOf(insn);
      if (to < start || to >= end)
        out.push({
          insn: insn.index,
          rule: 'jump',
          kernelMessage: `jump out of range from insn ${insn.index} to ${to}`,
          errno: ERRNO.EINVAL,
        });
    }
    const next = insns[i + 1]?.index ?? length;
    if (next >= end && insn.kind !== 'exit' && insn.kind !== 'goto')
      out.push({
        insn: insn.index,
        rule: 'fallthrough',
        kernelMessage: 'last insn is not an exit or jmp',
        errno: ERRNO.EINVAL,
      });
  });
}

/** Every instruction can be reached, and none inside a 64-bit constant (`check_cfg`); loops are allowed. */
export function checkReachable(program: Program, out: Diagnostic[]): void {
  const visited = visit(program);
  for (const insn of program.insns) {
    const refuse = (kernelMessage: string): void =>
      void out.push({
        insn: insn.index,
        rule: 'unreachable',
        kernelMessage,
        errno: ERRNO.EINVAL,
      });
    if (visited[insn.index] === 0) refuse(`unreachable insn ${insn.index}`);
    else if (insn.slots === 2 && visited[insn.index + 1] === 1)
      refuse(`jump into the middle of ldimm64 insn ${insn.index}`);
  }
}

function visit({ insns, length }: Program): Uint8Array {
  const bySlot = new Map(insns.map((insn) => [insn.index, insn]));
  const visited = new Uint8Array(length);
  const stack = [0];
  for (let slot = stack.pop(); slot !== undefined; slot = stack.pop()) {
    if (slot >= length || visited[slot] === 1) continue;
    visited[slot] = 1;
    stack.push(...successors(bySlot.get(slot), slot));
  }
  return visited;
}

function successors(insn: Instruction | undefined, slot: number): readonly number[] {
  // The second half of a constant is no instruction; Linux walks on behind it.
  if (insn === undefined) return [slot + 1];
  const next = slot + insn.slots;
  if (insn.kind === 'exit') return [];
  if (insn.kind === 'goto') return [targetOf(insn)];
  if (isJump(insn)) return [next, targetOf(insn)];
  return isLocalCall(insn) || isFunctionLoad(insn) ? [next, calleeOf(insn)] : [next];
}
