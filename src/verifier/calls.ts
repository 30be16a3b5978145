import { ERRNO } from '../abi/index.ts';
import type { Instruction } from '../isa/index.ts';
import type { Diagnostic } from './diagnostic.ts';
import { calleeOf, isLocalCall } from './functions.ts';
import type { Program } from './functions.ts';
import { frameOffset } from './instructions.ts';

/** `MAX_CALL_FRAMES` and `MAX_BPF_STACK`. */
const MAX_FRAMES = 8;
const MAX_STACK = 512;

interface Frame {
  readonly start: number;
  readonly calls: readonly Instruction[];
  /** Bytes that accesses through r10 itself need, rounded up as the JIT does. */
  readonly stack: number;
}

/**
 * At most 8 frames, and 512 bytes of stack in all frames of one chain of calls (`check_max_stack_depth`).
 *
 * Callbacks and accesses through other pointers to the stack are left out. The depth of calls Linux measures whether
 * they are dead code or not, the stack only where it explored an access.
 * @param privateStack each function has a stack of its own: tracing programs since 6.13.
 */
export function checkCalls(
  program: Program,
  live: Uint8Array,
  privateStack: boolean,
  out: Diagnostic[],
): void {
  const frames = new Map(
    program.starts.map((start, i) => {
      const end = program.starts[i + 1] ?? program.length;
      return [start, frameOf(program.insns, live, start, end)] as const;
    }),
  );
  // Without it, layers of functions that all call the next layer would take for ever.
  const seen = new Set<string>();
  const walk = (frame: Frame, depth: number, used: number): boolean => {
    const state = `${frame.start} ${depth} ${used}`;
    if (seen.has(state)) return true;
    seen.add(state);
    const total = used + frame.stack;
    if (!privateStack && total > MAX_STACK) {
      out.push({
        insn: frame.start,
        rule: 'stack',
        kernelMessage: `combined stack size of ${depth} calls is ${total}. Too large`,
        errno: ERRNO.EACCES,
      });
      return false;
    }
    return frame.calls.every((call) => {
      const callee = frames.get(calleeOf(call));
      if (callee === undefined) return true;
      if (depth < MAX_FRAMES) return walk(callee, depth + 1, total);
      out.push({
        insn: call.index,
        rule: 'call-depth',
        kernelMessage: `the call stack of ${depth + 1} frames is too deep`,
        errno: ERRNO.E2BIG,
      });
      return false;
    });
  };
  const main = frames.get(0);
  if (main !== undefined) walk(main, 1, 0);
}

function frameOf(
  insns: readonly Instruction[],
  live: Uint8Array,
  start: number,
  end: number,
): Frame {
  const own = insns.filter(({ index }) => index >= start && index < end);
  const deepest = Math.max(
    0,
    ...own.map((insn) => (live[insn.index] === 1 ? -(frameOffset(insn) ?? 0) : 0)),
  );
  return { start, calls: own.filter(isLocalCall), stack: Math.ceil(deepest / 16) * 16 };
}
