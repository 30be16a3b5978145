import { formatError } from './raw.ts';
import type { Btf, BtfComposite, BtfFuncProto, BtfType, Member, TypeId } from './types.ts';

const isComposite = (type: BtfType): type is BtfComposite =>
  type.kind === 'struct' || type.kind === 'union';

/** The struct or union behind typedefs and qualifiers, if it is one. */
const compositeAt = (btf: Btf, id: TypeId): BtfComposite | undefined => {
  const type = btf.type(btf.resolve(id));
  return isComposite(type) ? type : undefined;
};

/** Looks into anonymous members too, as C does. `seen` ends the search in a type that contains itself. */
const memberOf = (
  btf: Btf,
  composite: BtfComposite,
  name: string,
  seen: Set<TypeId>,
): Member | undefined => {
  seen.add(composite.id);
  for (const member of composite.members) {
    if (member.name === name) return member;
    if (member.name !== '') continue;
    const inner = compositeAt(btf, member.type);
    if (inner === undefined || seen.has(inner.id)) continue;
    const found = memberOf(btf, inner, name, seen);
    if (found !== undefined) return { ...found, bitOffset: member.bitOffset + found.bitOffset };
  }
  return undefined;
};

/**
 * Finds a member by a C path such as `f_path.dentry`, through structs embedded by value, through typedefs, and
 * through anonymous members, which the path does not name.
 * @returns the member, its `bitOffset` counted from the start of the outermost struct; undefined if there is none.
 */
export const findMember = (btf: Btf, id: TypeId, path: string): Member | undefined => {
  let at = id;
  let bitOffset = 0;
  let found: Member | undefined;
  for (const name of path.split('.')) {
    const composite = name === '' ? undefined : compositeAt(btf, at);
    found = composite && memberOf(btf, composite, name, new Set());
    if (found === undefined) return undefined;
    bitOffset += found.bitOffset;
    at = found.type;
  }
  return found && { ...found, bitOffset };
};

/**
 * The prototype of a function.
 * @throws {FormatError} if `id` is not a `func`, or one whose type is not a prototype.
 */
export const funcProto = (btf: Btf, id: TypeId): BtfFuncProto => {
  const func = btf.type(id);
  if (func.kind !== 'func')
    throw formatError(btf.file, 0, `type ${id} is a ${func.kind}, not a func`);
  const proto = btf.type(func.type);
  if (proto.kind === 'func_proto') return proto;
  throw formatError(btf.file, 0, `func ${id} has as its type a ${proto.kind}, not a func_proto`);
};
