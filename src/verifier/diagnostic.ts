/** Which rule a program breaks. */
export type Rule =
  | 'length'
  | 'function'
  | 'jump'
  | 'fallthrough'
  | 'opcode'
  | 'reserved-field'
  | 'constant'
  | 'unreachable'
  | 'register'
  | 'operand'
  | 'helper'
  | 'stack'
  | 'call-depth'
  | 'attach';

/** One reason for which Linux refuses the program. */
export interface Diagnostic {
  /** Slot of the instruction; -1 when it is about the whole program. */
  readonly insn: number;
  readonly rule: Rule;
  /** The line in the verifier's log, without its newline; empty where Linux logs nothing. */
  readonly kernelMessage: string;
  /** Positive, as in `abi`. */
  readonly errno: number;
}
