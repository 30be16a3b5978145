import { formatError } from '../raw.ts';
import type { Btf, BtfComposite, BtfEnum, BtfType, TypeId } from '../types.ts';
import type { CNames } from './names.ts';

/** What to print next, so that C knows each name before it is used, and each size before it is needed. */
export type Step =
  | { readonly forward: string }
  | { readonly define: BtfComposite | BtfEnum }
  | { readonly typedef: TypeId };

/** Nested values, pointers and typedefs may take so many steps from one type; real ones take some dozens. */
const MAX_DEPTH = 512;

/**
 * Orders the definitions of the own types, and of the types of the base that they need.
 * @throws {FormatError} for types that contain themselves.
 */
export const orderTypes = (btf: Btf, names: CNames): readonly Step[] => {
  const steps: Step[] = [];
  const declared = new Set<string>();
  /** False while a type's definition is on its way. */
  const defined = new Map<TypeId, boolean>();
  const stepLimit = (1 << 20) + 16 * (btf.bytes.length + (btf.base?.bytes.length ?? 0));
  let taken = 0;
  /** The struct or typedef whose parts are looked at, and the anonymous types already seen in it. */
  let current = { id: 0, anonymous: new Set<TypeId>() };

  const fail = (id: TypeId, rule: string): never => {
    throw formatError(btf.file, 0, `type ${id} ${rule}`);
  };

  const within = (id: TypeId, visit: () => void): void => {
    const before = defined.get(id);
    if (before === true) return;
    if (before === false) fail(id, 'contains itself');
    defined.set(id, false);
    const outer = current;
    current = { id, anonymous: new Set() };
    visit();
    current = outer;
    defined.set(id, true);
  };

  const forward = (id: TypeId, tag: string): void => {
    if (declared.has(tag) || current.id === id) return;
    declared.add(tag);
    steps.push({ forward: tag });
  };

  const members = (type: BtfComposite, depth: number): void => {
    for (const member of type.members) need(member.type, true, depth);
  };

  const composite = (type: BtfComposite, byValue: boolean, depth: number): void => {
    const tag = names.tag(type.id);
    if (tag === undefined) {
      if (current.anonymous.has(type.id)) return;
      current.anonymous.add(type.id);
      members(type, depth);
    } else if (!byValue) {
      forward(type.id, tag);
    } else {
      within(type.id, () => {
        members(type, depth);
        declared.add(tag);
        steps.push({ define: type });
      });
    }
  };

  const enumeration = (type: BtfEnum): void => {
    if (names.tag(type.id) !== undefined)
      within(type.id, () => {
        steps.push({ define: type });
      });
  };

  const typedef = (
    type: Extract<BtfType, { kind: 'typedef' }>,
    byValue: boolean,
    depth: number,
  ) => {
    within(type.id, () => {
      need(type.type, false, depth);
      steps.push({ typedef: type.id });
    });
    if (byValue) need(type.type, true, depth);
  };

  /** `byValue`: the size must be known, not only the name. */
  const need = (id: TypeId, byValue: boolean, outerDepth: number): void => {
    const depth = outerDepth + 1;
    if (depth > MAX_DEPTH) fail(id, `contains itself, or more than ${MAX_DEPTH} others`);
    if (++taken > stepLimit) fail(id, 'is reached in too many ways');
    const type = btf.type(id);
    switch (type.kind) {
      case 'ptr':
        return need(type.type, false, depth);
      case 'const':
      case 'volatile':
      case 'restrict':
      case 'type_tag':
        return need(type.type, byValue, depth);
      case 'array':
        return need(type.element, true, depth);
      case 'func_proto':
        need(type.returns, false, depth);
        for (const param of type.params) need(param.type, false, depth);
        return;
      case 'typedef':
        return typedef(type, byValue, depth);
      case 'struct':
      case 'union':
        return composite(type, byValue, depth);
      case 'enum':
      case 'enum64':
        return enumeration(type);
      case 'fwd':
        return forward(id, names.tag(id) ?? '');
      case 'void':
      case 'int':
      case 'float':
      case 'func':
      case 'var':
      case 'datasec':
      case 'decl_tag':
        return;
      default:
        return type satisfies never;
    }
  };

  for (let id = btf.base?.typeCount ?? 1; id < btf.typeCount; id++) {
    const kind = btf.kind(id);
    if (kind === 'typedef' || names.tag(id) !== undefined) need(id, kind !== 'typedef', 0);
  }
  return steps;
};
