import { nearestNames } from '../btf/core/names.ts';
import type { Btf, BtfKind, TypeId } from '../btf/types.ts';
import type { ProgramSpec } from '../object/spec.ts';

interface TargetRule {
  readonly what: string;
  readonly prefix: string;
  readonly kind: BtfKind;
}

const FUNCTION: TargetRule = { what: 'function', prefix: '', kind: 'func' };
const LSM_HOOK: TargetRule = { what: 'LSM hook', prefix: 'bpf_lsm_', kind: 'func' };

/** What the kernel's BTF calls the target of an attach type (libbpf's btf_get_kernel_prefix_kind). */
const RULES: Readonly<Record<string, TargetRule>> = {
  LSM_MAC: LSM_HOOK,
  LSM_CGROUP: LSM_HOOK,
  TRACE_RAW_TP: { what: 'tracepoint', prefix: 'btf_trace_', kind: 'typedef' },
  TRACE_ITER: { what: 'iterator', prefix: 'bpf_iter_', kind: 'func' },
  TRACE_FENTRY: FUNCTION,
  TRACE_FEXIT: FUNCTION,
  MODIFY_RETURN: FUNCTION,
};

function namesOf(kernel: Btf, rule: TargetRule): string[] {
  const names: string[] = [];
  for (let id = 1; id < kernel.typeCount; id++) {
    if (kernel.kind(id) !== rule.kind) continue;
    const name = kernel.name(id);
    if (name.startsWith(rule.prefix)) names.push(name.slice(rule.prefix.length));
  }
  return names;
}

/** The kernel type that a program attaches to, or why there is none. `id` is 0 for types that need none. */
export type AttachTarget = { readonly id: TypeId } | { readonly missing: string };

export function findAttachTarget(
  program: ProgramSpec,
  attachTo: string | undefined,
  kernel: Btf,
): AttachTarget {
  const rule = program.attachType === undefined ? undefined : RULES[program.attachType];
  if (rule === undefined) return { id: 0 };
  if (attachTo === undefined)
    return { missing: `section ${program.section} does not say which ${rule.what} to attach to` };
  const name = rule.prefix + attachTo;
  const id = kernel.find(name, rule.kind);
  if (id !== undefined) return { id };
  const nearest = nearestNames(attachTo, namesOf(kernel, rule));
  const hint = nearest.length > 0 ? `; near to it: ${nearest.join(', ')}` : '';
  return {
    missing: `the kernel has no ${rule.what} '${attachTo}': failed to find BTF type ID of '${name}'${hint}`,
  };
}
