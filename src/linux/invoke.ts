import { BPF_CMD } from '../abi/index.ts';
import type { BpfCommand, BpfResult } from '../kernel/bpf.ts';
import { type Attr, type AttrFields, encodeAttr } from './attr.ts';
import type { Executor } from './executor.ts';
import { failure } from './failure.ts';
import { SYS } from './numbers.ts';

export interface Invoked {
  /** ≥ 0, or a negative errno. */
  readonly value: number;
  /** What the kernel wrote back. */
  readonly attr: Attr;
}

/** One bpf(2) system call. */
export function invoke(executor: Executor, command: BpfCommand, fields: AttrFields): Invoked {
  const attr = encodeAttr(command, fields);
  const { block } = attr;
  const value = executor.syscall(SYS.bpf, BPF_CMD[command], block, block.bytes.length);
  return { value, attr };
}

/** One bpf(2) system call whose answer is its result. */
export function simple(
  executor: Executor,
  command: BpfCommand,
  fields: AttrFields,
): BpfResult<number> {
  const { value } = invoke(executor, command, fields);
  return value >= 0 ? { ok: true, value } : failure(executor, command, fields, -value);
}

/** An attribute as fields: contracts have no index signature. */
export const fieldsOf = (attr: object): AttrFields => ({ ...attr });
