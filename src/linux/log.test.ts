import { describe, expect, it } from 'vitest';
import { reasonInLog } from './log.ts';

/** Logs as kernels printed them, and the sentence in each that says why. */
const LOGS: readonly (readonly [name: string, log: string, reason: string | undefined])[] = [
  [
    'a register that was never set (6.18)',
    `0: R1=ctx() R10=fp0
0: (95) exit
R0 !read_ok
processed 1 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`,
    'R0 !read_ok',
  ],
  [
    'the same, in the sections of 7.3',
    `0: R1=ctx() R10=fp0
0: (95) exit
R0 !read_ok

Verification failed: Register Type Safety: Unreadable register

Reason:
  R0 has never been initialized on this path, so the verifier cannot use it as an input.

At:
  insn 0
        | ^-- error: R0 is not readable
  Instruction context:
  >>> 0 | (95) exit

Causal path:
  no retained diagnostic events on this path

Suggestion:
  Initialize R0 on every path before this instruction.

processed 1 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`,
    'R0 has never been initialized on this path, so the verifier cannot use it as an input.',
  ],
  [
    'a return value out of range, with the lines of the source (6.12)',
    `0: R1=ctx() R10=fp0
; return (a && b) ? -1 : 0; @ guard.bpf.c:12
0: (b7) r0 = 7                        ; R0_w=7
1: (95) exit
At program exit the register R0 has smin=7 smax=7 should have been in [-4095, 0]
verification time 61 usec
stack depth 0
processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`,
    'At program exit the register R0 has smin=7 smax=7 should have been in [-4095, 0]',
  ],
  [
    'a map that the code names and that is not open',
    'fd 77 is not pointing to valid bpf_map\nprocessed 0 insns (limit 1000000) max_states_per_insn 0\n',
    'fd 77 is not pointing to valid bpf_map',
  ],
  [
    'BTF with a foreign magic, without a newline at the end',
    'magic: 0x0\nversion: 0\nflags: 0x0\nhdr_len: 0\ntype_off: 0\nbtf_total_size: 24\nInvalid magic',
    'Invalid magic',
  ],
  ['a BTF header alone', 'magic: 0xeb9f\nversion: 1\nstr_len: 10\n', undefined],
  ['statistics alone', 'processed 2 insns (limit 1000000) max_states_per_insn 0\n', undefined],
  ['nothing', '', undefined],
];

describe('the reason in a log', () => {
  it.each(LOGS)('%s', (_name, log, reason) => expect(reasonInLog(log)).toBe(reason));
});
