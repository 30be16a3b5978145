import type { Btf, Member, TypeId } from '../../btf/types.ts';

const PREFIX = 'bpf_lsm_';

/** One parameter of a hook and the 64-bit slots of the program's context that carry it. */
export interface HookParam {
  readonly name: string;
  readonly type: TypeId;
  /** `by-value` is a struct or union of up to 16 bytes that travels in registers. */
  readonly kind: 'pointer' | 'int' | 'by-value';
  /** In bytes. */
  readonly size: number;
  readonly signed: boolean;
  readonly slot: number;
}

/** A hook as the booted kernel's BTF declares it. */
export interface HookPrototype {
  /** Without `bpf_lsm_`. */
  readonly name: string;
  readonly btfId: TypeId;
  readonly params: readonly HookParam[];
  /** Slots that the parameters take; the slot behind them holds the return value. */
  readonly slots: number;
  readonly returnsVoid: boolean;
}

/**
 * Names of the hooks: `union security_list_options` has one member for each, while some functions named `bpf_lsm_*`
 * only serve them.
 */
function listedHooks(btf: Btf): readonly Member[] {
  const id = btf.find('security_list_options', 'union');
  const options = id === undefined ? undefined : btf.type(id);
  return options?.kind === 'union' ? options.members : [];
}

const isHook = (btf: Btf, name: string): boolean =>
  listedHooks(btf).some((member) => member.name === name);

/** Undefined when the booted kernel has no hook of this name. */
export function hookPrototype(btf: Btf, name: string): HookPrototype | undefined {
  const btfId = btf.find(PREFIX + name, 'func');
  if (btfId === undefined || !isHook(btf, name)) return undefined;
  const func = btf.type(btfId);
  if (func.kind !== 'func') return undefined;
  const proto = btf.type(func.type);
  if (proto.kind !== 'func_proto') return undefined;
  let slot = 0;
  const params = proto.params.map((param): HookParam => {
    const described = { name: param.name, type: param.type, slot, ...describe(btf, param.type) };
    slot += Math.max(1, Math.ceil(described.size / 8));
    return described;
  });
  return { name, btfId, params, slots: slot, returnsVoid: btf.kind(proto.returns) === 'void' };
}

function describe(btf: Btf, type: TypeId): Pick<HookParam, 'kind' | 'size' | 'signed'> {
  const resolved = btf.type(btf.resolve(type));
  const size = btf.sizeOf(type);
  if (resolved.kind === 'ptr') return { kind: 'pointer', size: 8, signed: false };
  if (resolved.kind === 'struct' || resolved.kind === 'union')
    return { kind: 'by-value', size, signed: false };
  const signed =
    (resolved.kind === 'int' || resolved.kind === 'enum' || resolved.kind === 'enum64') &&
    resolved.signed;
  return { kind: 'int', size, signed };
}

/** Names of every hook in the BTF. */
export const hookNames = (btf: Btf): string[] =>
  listedHooks(btf).flatMap(({ name }) =>
    btf.find(PREFIX + name, 'func') === undefined ? [] : [name],
  );

/** Name of the hook that a BTF id stands for; undefined when the id is no hook's. */
export function hookNameOf(btf: Btf, id: TypeId): string | undefined {
  if (id <= 0 || id >= btf.typeCount || btf.kind(id) !== 'func') return undefined;
  const name = btf.name(id);
  const hook = name.slice(PREFIX.length);
  return name.startsWith(PREFIX) && isHook(btf, hook) ? hook : undefined;
}
