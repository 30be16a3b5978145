import { FormatError } from '../abi/format-error.ts';
import { checkMember, isRegularInt, sizedType } from './check-members.ts';
import { isOptionalIdentifier, recordWord, type BtfProblem } from './check-names.ts';
import { isModifier } from './measure.ts';
import type { RawBtf } from './raw.ts';
import type {
  Btf,
  BtfArray,
  BtfDatasec,
  BtfDeclTag,
  BtfFuncProto,
  BtfType,
  TypeId,
} from './types.ts';

/** `MAX_RESOLVE_DEPTH` */
const MAX_DEPTH = 32;
const MAX_SIZE = 0xffffffff;

type EntryProblem = Omit<BtfProblem, 'id'>;
const plain = (rule: string): EntryProblem[] => [{ rule }];

const checkArray = (btf: Btf, { element, index, length }: BtfArray): EntryProblem[] => {
  const indexType = sizedType(btf, index);
  if (indexType?.kind !== 'int' || !isRegularInt(indexType)) return plain('Invalid index');
  const type = sizedType(btf, element);
  if (type === undefined) return plain('Invalid elem');
  if (type.kind === 'int' && !isRegularInt(type)) return plain('Invalid array of int');
  return length * btf.sizeOf(element) > MAX_SIZE ? plain('Array size overflows U32_MAX') : [];
};

/**
 * What modifiers and pointers may refer to: also to what has no size but a name. A function passes for its prototype
 * if it comes before.
 */
const checkReference = (btf: Btf, from: TypeId, to: TypeId): EntryProblem[] => {
  const { kind, id } = btf.type(btf.resolve(to));
  const named = kind === 'void' || kind === 'fwd' || kind === 'func_proto';
  const passes = named || (kind === 'func' && id < from) || sizedType(btf, to) !== undefined;
  return passes ? [] : plain('Invalid type_id');
};

const checkDatasec = (btf: Btf, { vars }: BtfDatasec): EntryProblem[] =>
  vars.flatMap((v, entry) => {
    const type = btf.type(v.type);
    if (type.kind !== 'var') return [{ entry, rule: 'Not a VAR kind member' }];
    if (sizedType(btf, type.type) === undefined) return [{ entry, rule: 'Invalid type' }];
    return v.size < btf.sizeOf(type.type) ? [{ entry, rule: 'Invalid size' }] : [];
  });

/** How many components the target of a `decl_tag` has; undefined if it cannot have a tag. */
const componentCount = (btf: Btf, target: BtfType): number | undefined => {
  if ('members' in target) return target.members.length;
  if (target.kind === 'var' || target.kind === 'typedef') return 0;
  if (target.kind !== 'func') return undefined;
  const proto = btf.type(target.type);
  return proto.kind === 'func_proto' ? proto.params.length : 0;
};

const checkDeclTag = (btf: Btf, { type, component }: BtfDeclTag): EntryProblem[] => {
  const count = componentCount(btf, btf.type(type));
  if (count === undefined) return plain('Invalid type_id');
  return component >= count ? plain('Invalid component_idx') : [];
};

const checkFuncProto = (btf: Btf, raw: RawBtf, proto: BtfFuncProto): EntryProblem[] => {
  const { id, returns, params } = proto;
  const problems: EntryProblem[] =
    returns !== 0 && sizedType(btf, returns) === undefined ? plain('Invalid return type') : [];
  params.forEach(({ type }, entry) => {
    const name = recordWord(raw, id, 3 + entry * 2);
    const variadic = type === 0 && entry === params.length - 1;
    const sound = variadic
      ? name === 0
      : isOptionalIdentifier(raw, name) && sizedType(btf, type) !== undefined;
    if (!sound) problems.push({ entry, rule: `Invalid arg#${entry + 1}` });
  });
  return problems;
};

const checkFunc = (btf: Btf, raw: RawBtf, to: TypeId): EntryProblem[] => {
  const proto = btf.type(to);
  if (proto.kind !== 'func_proto') return plain('Invalid type_id');
  return proto.params.flatMap(({ type }, entry) =>
    recordWord(raw, to, 3 + entry * 2) === 0 && type !== 0
      ? [{ entry, rule: `Invalid arg#${entry + 1}` }]
      : [],
  );
};

/** Rules on what one type refers to (`btf_*_resolve`). */
const checkType = (btf: Btf, raw: RawBtf, type: BtfType): EntryProblem[] => {
  switch (type.kind) {
    case 'ptr':
    case 'typedef':
    case 'volatile':
    case 'const':
    case 'restrict':
    case 'type_tag':
      return checkReference(btf, type.id, type.type);
    case 'array':
      return checkArray(btf, type);
    case 'struct':
    case 'union': {
      const flag = recordWord(raw, type.id, 1) >>> 31 === 1;
      return type.members.flatMap((member, entry) => {
        const rule = checkMember(btf, type, member, flag);
        return rule === undefined ? [] : [{ entry, rule }];
      });
    }
    case 'func':
      return checkFunc(btf, raw, type.type);
    case 'func_proto':
      return checkFuncProto(btf, raw, type);
    case 'var':
      return sizedType(btf, type.type) === undefined ? plain('Invalid type_id') : [];
    case 'datasec':
      return checkDatasec(btf, type);
    case 'decl_tag':
      return checkDeclTag(btf, type);
    case 'void':
    case 'int':
    case 'enum':
    case 'enum64':
    case 'fwd':
    case 'float':
      return [];
    default:
      return type satisfies never;
  }
};

/** What one walk follows: `any` until it meets a pointer, or a struct or array, and then their way. */
type Mode = 'any' | 'pointers' | 'values';

const parts = (type: BtfType): readonly TypeId[] => {
  if ('members' in type) return type.members.map((m) => m.type);
  if (type.kind === 'datasec') return type.vars.map((v) => v.type);
  if (type.kind === 'array') return [type.index, type.element];
  return 'type' in type && type.kind !== 'func' ? [type.type] : [];
};

const isFollowed = (type: BtfType, mode: Mode): boolean => {
  if (isModifier(type)) return true;
  switch (mode) {
    case 'pointers':
      return type.kind === 'ptr';
    case 'values':
      return type.kind === 'array' || 'members' in type;
    case 'any':
      return parts(type).length > 0;
    default:
      return mode satisfies never;
  }
};

/**
 * Finds types that contain or point to themselves without a struct between, and chains longer than the kernel
 * follows. Like the kernel it walks from each type in id order and remembers what it has finished.
 */
const findLoops = (btf: Btf, firstId: TypeId): BtfProblem[] => {
  const problems: BtfProblem[] = [];
  /** 1: on the way, 2: finished. */
  const state = new Uint8Array(btf.typeCount);
  state.fill(2, 0, firstId);
  let mode: Mode = 'any';

  const walk = (id: TypeId, depth: number): void => {
    if (depth > MAX_DEPTH) {
      problems.push({ id, rule: `Exceeded max resolving depth:${MAX_DEPTH}` });
      return;
    }
    const type = btf.type(id);
    state[id] = 1;
    if (mode === 'any' && type.kind === 'ptr') mode = 'pointers';
    if (mode === 'any' && (type.kind === 'array' || 'members' in type)) mode = 'values';
    for (const part of parts(type)) {
      // A finished modifier may have been left at a pointer, which a walk along pointers goes on from.
      const next =
        state[part] === 2 && isModifier(btf.type(part)) && problems.length === 0
          ? btf.resolve(part)
          : part;
      if (!isFollowed(btf.type(next), mode) || state[next] === 2) continue;
      if (state[next] === 1) problems.push({ id: next, rule: 'Loop detected' });
      else walk(next, depth + 1);
    }
    state[id] = 2;
  };

  for (let id = firstId; id < btf.typeCount; id++) {
    mode = 'any';
    if (state[id] === 0) walk(id, 1);
  }
  return problems;
};

/** `btf_check_type_tags`: a tag stands before the other modifiers of a type. */
const findMisplacedTags = (btf: Btf, firstId: TypeId): BtfProblem[] => {
  const problems: BtfProblem[] = [];
  for (let id = firstId; id < btf.typeCount; id++) {
    const type = btf.type(id);
    if (!isModifier(type) || type.kind === 'type_tag') continue;
    if (btf.kind(type.type) === 'type_tag')
      problems.push({ id, rule: "Type tags don't precede modifiers" });
  }
  return problems;
};

/** All rules on references, for own types whose records are sound. */
export const findReferenceProblems = (btf: Btf, raw: RawBtf): readonly BtfProblem[] => {
  const loops = findLoops(btf, raw.firstId);
  if (loops.length > 0) return loops;
  const problems: BtfProblem[] = [];
  for (let id = raw.firstId; id < raw.typeCount; id++) {
    try {
      for (const problem of checkType(btf, raw, btf.type(id))) problems.push({ id, ...problem });
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      problems.push({ id, rule: error.rule });
    }
  }
  return [...problems, ...findMisplacedTags(btf, raw.firstId)];
};
