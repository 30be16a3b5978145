import type { Btf, BtfType, TypeId } from '../types.ts';

/** Words that a C declaration cannot have as a name: keywords of GNU C and types built into clang. */
const RESERVED = new Set(
  (
    'auto break case char const continue default do double else enum extern float for goto if inline int long ' +
    'register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while ' +
    'asm typeof __auto_type __asm __asm__ __attribute __attribute__ __const __inline __restrict __signed ' +
    '__typeof __typeof__ __volatile __extension__ __label__ __alignof __alignof__ __thread __func__ ' +
    '__int128 __int128_t __uint128_t __float128 __builtin_va_list __builtin_ms_va_list __builtin_offsetof ' +
    '__NSConstantString _Alignas _Alignof _Atomic _Bool _BitInt _Complex _Float16 _Generic _Imaginary _Noreturn ' +
    '_Static_assert _Thread_local __bf16'
  ).split(' '),
);

/** A name as C takes it: others than C have names such as `Option<u8>`. */
const identifier = (name: string): string => name.replace(/^(?=\d)|[^A-Za-z0-9_]/g, '_');

/** One name space of C: gives each thing a name of its own, `foo`, then `foo___2`, `foo___3`. */
const createScope = () => {
  const uses = new Map<string, number>();
  return (wanted: string): string => {
    const name = identifier(wanted);
    let n = (uses.get(name) ?? (RESERVED.has(name) ? 1 : 0)) + 1;
    while (n > 1 && uses.has(`${name}___${n}`)) n++;
    uses.set(name, n);
    if (n === 1) return name;
    uses.set(`${name}___${n}`, 1);
    return `${name}___${n}`;
  };
};

export interface CNames {
  /** `struct foo`, `enum bar`; undefined for an anonymous type. */
  tag(id: TypeId): string | undefined;
  typedef(id: TypeId): string;
  enumerator(id: TypeId, index: number): string;
  member(name: string): string;
}

const tagWord = (type: BtfType): 'struct' | 'union' | 'enum' | undefined => {
  if (type.kind === 'fwd') return type.of;
  if (type.kind === 'enum64') return 'enum';
  return type.kind === 'struct' || type.kind === 'union' || type.kind === 'enum'
    ? type.kind
    : undefined;
};

/**
 * Names for all types of a BTF object in one C file. BTF holds several types of one name, where source files define
 * them differently; C does not. The first in id order keeps the name. A forward declaration stands for the first
 * definition of its name, whatever its place.
 */
export const createCNames = (btf: Btf): CNames => {
  const tags = new Map<TypeId, string>();
  const typedefs = new Map<TypeId, string>();
  const enumerators = new Map<TypeId, readonly string[]>();
  const firstOfTag = new Map<string, string>();
  const tagScope = createScope();
  const ordinaryScope = createScope();
  const forwards: Extract<BtfType, { kind: 'fwd' }>[] = [];

  const nameTag = (type: BtfType, word: string): void => {
    const tag = `${word} ${tagScope(type.name)}`;
    tags.set(type.id, tag);
    const key = `${word} ${type.name}`;
    if (!firstOfTag.has(key)) firstOfTag.set(key, tag);
  };

  for (let id = 1; id < btf.typeCount; id++) {
    const type = btf.type(id);
    const word = tagWord(type);
    if (type.kind === 'typedef') typedefs.set(id, ordinaryScope(type.name));
    else if (type.kind === 'fwd') forwards.push(type);
    else if (word !== undefined && type.name !== '') nameTag(type, word);
    if (type.kind === 'enum' || type.kind === 'enum64')
      enumerators.set(
        id,
        type.values.map((value) => ordinaryScope(value.name)),
      );
  }
  for (const forward of forwards) {
    const first = firstOfTag.get(`${forward.of} ${forward.name}`);
    if (first === undefined) nameTag(forward, forward.of);
    else tags.set(forward.id, first);
  }

  return {
    tag: (id) => tags.get(id),
    typedef: (id) => typedefs.get(id) ?? '',
    enumerator: (id, index) => enumerators.get(id)?.[index] ?? '',
    member: (name) => {
      const text = identifier(name);
      return RESERVED.has(text) ? `${text}___2` : text;
    },
  };
};
