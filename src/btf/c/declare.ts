import { formatError } from '../raw.ts';
import type { Btf, BtfComposite, BtfEnum, BtfFuncProto, BtfType, TypeId } from '../types.ts';

type Kind<K extends BtfType['kind']> = Extract<BtfType, { kind: K }>;
/** The innermost part of a declaration: what is left when pointers, arrays and prototypes are taken off. */
export type BaseType = Kind<'void' | 'int' | 'float' | 'fwd' | 'typedef'> | BtfComposite | BtfEnum;

/** A chain of pointers, arrays and prototypes may be this long; real ones stay below ten. */
const MAX_DEPTH = 64;
/** Types that one declaration may mention; prototypes of prototypes could else grow exponentially. */
const MAX_PARTS = 1 << 16;

/** `*` binds looser than `[]` and `()`. */
const grouped = (declarator: string): string =>
  declarator.startsWith('*') ? `(${declarator})` : declarator;

const spaced = (...parts: readonly string[]): string => {
  const text = parts.filter((part) => part !== '').join(' ');
  return text.replace(/ \[/g, '[');
};

/** Qualifiers and tags met on the way to the type that they belong to. */
type Qualifiers = readonly string[];

const tagText = (name: string, attribute: boolean): string =>
  `__attribute__((${attribute ? name : `btf_type_tag(${JSON.stringify(name)})`}))`;

/**
 * Returns a function that spells the C declaration of a name with a type (no name: the type alone), from the name
 * outwards to the base type, as C's grammar nests them. Parameters go without names, which could hide types.
 * @throws {FormatError} for types that C cannot declare, or that refer to themselves.
 */
export const createDeclare = (
  btf: Btf,
  spellBase: (type: BaseType) => string,
): ((id: TypeId, name: string) => string) => {
  const fail = (id: TypeId, rule: string): never => {
    throw formatError(btf.file, 0, `type ${id} ${rule}`);
  };
  let parts = 0;

  const parameters = (proto: BtfFuncProto, depth: number): string => {
    const { params } = proto;
    if (params.length === 0) return 'void';
    const spelled = params.map(({ type, name }, i) => {
      const variadic = i === params.length - 1 && type === 0 && name === '';
      return variadic ? '...' : wrap(type, '', [], depth + 1);
    });
    return spelled[0] === '...' ? '' : spelled.join(', ');
  };

  const wrap = (id: TypeId, declarator: string, qualifiers: Qualifiers, depth: number): string => {
    if (depth > MAX_DEPTH) fail(id, `refers to itself or through more than ${MAX_DEPTH} types`);
    if (++parts > MAX_PARTS) fail(id, `mentions more than ${MAX_PARTS} types`);
    const type = btf.type(id);
    const qualified = (text: string): string => {
      const all = qualifiers.includes(text) ? qualifiers : [text, ...qualifiers];
      return wrap('type' in type ? type.type : 0, declarator, all, depth + 1);
    };
    switch (type.kind) {
      case 'const':
      case 'volatile':
      case 'restrict':
        return qualified(type.kind);
      case 'type_tag':
        return qualified(tagText(type.name, type.attribute));
      case 'ptr':
        return wrap(type.type, `*${spaced(...qualifiers, declarator)}`, [], depth + 1);
      case 'array':
        return wrap(type.element, `${grouped(declarator)}[${type.length}]`, qualifiers, depth + 1);
      case 'func_proto': {
        const list = `(${parameters(type, depth)})`;
        return wrap(type.returns, `${grouped(declarator)}${list}`, [], depth + 1);
      }
      case 'var':
      case 'func':
      case 'decl_tag':
      case 'datasec':
        return fail(id, `is a ${type.kind}, which is not part of a C type`);
      case 'void':
      case 'int':
      case 'float':
      case 'fwd':
      case 'typedef':
      case 'struct':
      case 'union':
      case 'enum':
      case 'enum64': {
        const before = qualifiers.filter((q) => !q.startsWith('_'));
        const after = qualifiers.filter((q) => q.startsWith('_'));
        return spaced(...before, spellBase(type), ...after, declarator);
      }
      default:
        return type satisfies never;
    }
  };

  return (id, name) => {
    parts = 0;
    return wrap(id, name, [], 0);
  };
};
