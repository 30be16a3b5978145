import { BPF_ATTACH_TYPE, ERRNO } from '../abi/index.ts';
import type { Diagnostic } from './diagnostic.ts';

/** A LSM program and the function that it wants to attach to, as the caller found them. */
export interface LsmAttachment {
  readonly expectedAttachType: number;
  readonly sleepable: boolean;
  readonly gplCompatible: boolean;
  readonly btfId: number;
  /** What vmlinux BTF says of `btfId`; undefined when it has no such type. */
  readonly type: { readonly kind: string; readonly name: string } | undefined;
  /** Attributes of the hook; undefined when the function is no LSM hook. */
  readonly hook: { readonly sleepable: boolean; readonly disabled: boolean } | undefined;
}

/**
 * Why Linux refuses the attachment, in the order of `bpf_prog_load_check_attach`, `bpf_check_attach_target` and
 * `bpf_lsm_verify_prog`; undefined when it does not.
 */
export function checkAttachTarget(program: LsmAttachment): Diagnostic | undefined {
  const kernelMessage = refusalOf(program);
  return kernelMessage === undefined
    ? undefined
    : { insn: -1, rule: 'attach', kernelMessage, errno: ERRNO.EINVAL };
}

function refusalOf(program: LsmAttachment): string | undefined {
  const { btfId, type, hook, expectedAttachType } = program;
  const { TRACE_FENTRY, TRACE_FEXIT, LSM_MAC, LSM_CGROUP } = BPF_ATTACH_TYPE;
  // Refused before there is a log.
  // Loading takes the first two for LSM programs; attaching does not.
  const types: readonly number[] = [TRACE_FENTRY, TRACE_FEXIT, LSM_MAC, LSM_CGROUP];
  if (!types.includes(expectedAttachType)) return '';
  if (btfId === 0) return 'Tracing programs must provide btf_id';
  if (type === undefined) return `attach_btf_id ${btfId} is invalid`;
  if (type.kind !== 'func') return `attach_btf_id ${btfId} is not a function`;
  if (program.sleepable && hook?.sleepable !== true) return `${type.name} is not sleepable`;
  if (!program.gplCompatible) return 'LSM programs must have a GPL compatible license';
  if (hook?.disabled === true) return `attach_btf_id ${btfId} points to disabled hook ${type.name}`;
  if (hook === undefined) return `attach_btf_id ${btfId} points to wrong type name ${type.name}`;
  return undefined;
}
