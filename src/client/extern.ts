import { typesAreCompatible } from '../btf/core/compat.ts';
import { essentialName, nearestNames } from '../btf/core/names.ts';
import type { Btf, BtfKind, TypeId } from '../btf/types.ts';
import type { Reference } from '../object/spec.ts';

type ExternReference = Extract<Reference['target'], { kind: 'ksym' | 'kfunc' }>;

/** The kernel type that an extern stands for; 0 for a weak one that the kernel lacks. */
export type ExternTarget = { readonly id: TypeId } | { readonly problem: string };

function namesOf(btf: Btf, kind: BtfKind): string[] {
  const names: string[] = [];
  for (let id = 1; id < btf.typeCount; id++) if (btf.kind(id) === kind) names.push(btf.name(id));
  return names;
}

/** The prototype of a FUNC, the type of a VAR. */
function typeOf(btf: Btf, id: TypeId): TypeId {
  const type = btf.type(id);
  return type.kind === 'func' || type.kind === 'var' ? type.type : id;
}

function missing(name: string, kernel: Btf, kind: BtfKind): ExternTarget {
  const nearest = nearestNames(name, namesOf(kernel, kind));
  const hint = nearest.length > 0 ? `; near to it: ${nearest.join(', ')}` : '';
  const what = kind === 'func' ? 'function' : 'variable';
  return { problem: `the kernel's BTF has no ${what} '${name}'${hint}` };
}

/**
 * Finds an `extern … __ksym` in the kernel's BTF by name and type, as libbpf does
 * (bpf_object__resolve_ksym_func_btf_id, bpf_object__resolve_ksym_var_btf_id).
 */
export function findExtern(
  { name, weak, typeId }: ExternReference,
  local: Btf,
  kernel: Btf,
): ExternTarget {
  if (local.kind(local.resolve(typeId)) === 'void')
    return weak
      ? { id: 0 }
      : {
          problem: `extern '${name}' has no type: looking up addresses of symbols is not supported`,
        };
  const kind = local.kind(typeId) === 'func' ? 'func' : 'var';
  const wanted = kind === 'func' ? essentialName(name) : name;
  const id = kernel.find(wanted, kind);
  if (id === undefined) return weak ? { id: 0 } : missing(wanted, kernel, kind);
  const compare = { local, target: kernel, steps: 0 };
  if (typesAreCompatible(compare, typeOf(local, typeId), typeOf(kernel, id))) return { id };
  if (weak && kind === 'func') return { id: 0 };
  return { problem: `'${name}' is declared otherwise than in the kernel` };
}
