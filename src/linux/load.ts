import { BPF_F, ERRNO } from '../abi/index.ts';
import type { BpfCommands, BpfResult } from '../kernel/bpf.ts';
import type { AttrFields } from './attr.ts';
import { type Executor, textOf } from './executor.ts';
import { failure } from './failure.ts';
import { fieldsOf, invoke } from './invoke.ts';
import { reasonInLog } from './log.ts';

const FIRST_LOG = 1 << 16;
/** What does not fit is cut off at the start, where the kernel keeps the end (6.4). */
const LARGEST_LOG = 1 << 24;

interface LogFields {
  readonly buf: string;
  readonly size: string;
  readonly level: string;
  readonly trueSize: string;
}
const PROG_LOG = {
  buf: 'logBuf',
  size: 'logSize',
  level: 'logLevel',
  trueSize: 'log_true_size',
} as const satisfies LogFields;
const BTF_LOG = {
  buf: 'btfLogBuf',
  size: 'btfLogSize',
  level: 'btfLogLevel',
  trueSize: 'btf_log_true_size',
} as const satisfies LogFields;

export function loadProgram(
  executor: Executor,
  attr: BpfCommands['PROG_LOAD']['attr'],
): BpfResult<number> {
  const { funcInfo, lineInfo } = attr;
  const fields = {
    ...fieldsOf(attr),
    insnCnt: attr.insns.length / 8,
    ...(funcInfo && { funcInfoRecSize: 8, funcInfoCnt: funcInfo.length / 8 }),
    ...(lineInfo && { lineInfoRecSize: 16, lineInfoCnt: lineInfo.length / 16 }),
  };
  return withLog(executor, 'PROG_LOAD', fields, PROG_LOG);
}

export function loadBtf(
  executor: Executor,
  attr: BpfCommands['BTF_LOAD']['attr'],
): BpfResult<number> {
  const token = attr.btfTokenFd === undefined ? {} : { btfFlags: BPF_F.TOKEN_FD };
  const fields = { ...fieldsOf(attr), btfSize: attr.btf.length, ...token };
  return withLog(executor, 'BTF_LOAD', fields, BTF_LOG);
}

/** The log costs time and memory: it is asked for only when the load failed, with more room until it fits. */
function withLog(
  executor: Executor,
  command: 'PROG_LOAD' | 'BTF_LOAD',
  fields: AttrFields,
  names: LogFields,
): BpfResult<number> {
  const { value } = invoke(executor, command, fields);
  if (value >= 0) return { ok: true, value };
  const { value: again, text } = askWhy(executor, command, fields, names);
  if (again >= 0) return { ok: true, value: again };
  // ENOSPC then speaks of the log.
  const refused = failure(executor, command, fields, again === -ERRNO.ENOSPC ? -value : -again);
  if (text === '')
    return { ...refused, reason: `${refused.reason}; the kernel refused without a verifier log` };
  return { ...refused, reason: reasonInLog(text) ?? refused.reason, log: text };
}

function askWhy(
  executor: Executor,
  command: 'PROG_LOAD' | 'BTF_LOAD',
  fields: AttrFields,
  names: LogFields,
): { readonly value: number; readonly text: string } {
  for (let size = FIRST_LOG; ;) {
    const buffer = new Uint8Array(size);
    const log = { [names.buf]: buffer, [names.size]: size, [names.level]: 1 };
    const { value, attr } = invoke(executor, command, { ...fields, ...log });
    if (value !== -ERRNO.ENOSPC || size === LARGEST_LOG) return { value, text: textOf(buffer) };
    // Linux 6.4 tells how long the log is; older kernels leave 0.
    size = Math.min(LARGEST_LOG, Math.max(size * 8, attr.u32(names.trueSize)));
  }
}
