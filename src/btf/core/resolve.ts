import type { Btf, BtfType, TypeId } from '../types.ts';
import { matchSpec } from './match.ts';
import { essentialName, nearestNames } from './names.ts';
import {
  CoreRefusal,
  describeType,
  formatSpec,
  isEnum,
  isTypeBased,
  parseSpec,
  refuse,
  type AccessSpec,
} from './spec.ts';
import type { CoreKind, CoreRelocation, CoreSpec } from './types.ts';
import { valueOf, type Access, type CoreValue } from './value.ts';

/** What a relocation comes to, whichever instruction asks for it. */
export interface CoreResolution {
  readonly local: CoreSpec | undefined;
  readonly target: CoreSpec | undefined;
  readonly oldValue: bigint;
  /** Undefined when the instruction must not be reached. */
  readonly newValue: bigint | undefined;
  /** Whether the instruction has to hold `oldValue`. */
  readonly validate: boolean;
  /** For loads and stores: the field has another size in the target. */
  readonly resize: Resize | undefined;
  /** Why there is no target. */
  readonly reason: string | undefined;
  /** Why the object cannot be loaded at all. */
  readonly error: string | undefined;
}

/** Sizes in bytes; 0 for a bitfield. */
export interface Resize {
  readonly from: number;
  readonly to: number;
  /** Zero-extension keeps the value right: both are pointers or unsigned integers. */
  readonly safe: boolean;
}

interface Candidate {
  readonly btf: Btf;
  readonly id: TypeId;
}

/** What is known of one object and its targets. Candidates shrink to those that matched, as in libbpf. */
export interface CoreMemo {
  readonly local: Btf;
  readonly targets: readonly Btf[];
  readonly candidates: Map<TypeId, readonly Candidate[]>;
  readonly resolutions: Map<string, CoreResolution>;
}

const ENUM_KINDS = ['enum', 'enum64'] as const;

const candidatesIn = (btf: Btf, type: BtfType): readonly Candidate[] => {
  const kinds = isEnum(type) ? ENUM_KINDS : [type.kind];
  return btf.findFlavors(essentialName(type.name), ...kinds).map((id) => ({ btf, id }));
};

/** Types of this name and kind: the kernel's, or if it has none, those of all modules. */
const findCandidates = (targets: readonly Btf[], type: BtfType): readonly Candidate[] => {
  const [kernel, ...modules] = targets;
  if (kernel === undefined) return [];
  const found = candidatesIn(kernel, type);
  return found.length > 0 ? found : modules.flatMap((module) => candidatesIn(module, type));
};

const candidatesOf = (memo: CoreMemo, type: BtfType): readonly Candidate[] => {
  const known = memo.candidates.get(type.id);
  if (known !== undefined) return known;
  const found = findCandidates(memo.targets, type);
  memo.candidates.set(type.id, found);
  return found;
};

interface Match {
  readonly spec: AccessSpec;
  readonly value: bigint;
  readonly access: Access | undefined;
}

const checkUnambiguous = (first: Match, other: Match): void => {
  if (first.value === other.value && first.spec.bitOffset === other.spec.bitOffset) return;
  const [a, b] = [formatSpec(first.spec), formatSpec(other.spec)];
  refuse(
    `ambiguous: [${a.typeId}] ${a.text} gives ${first.value}, ` +
      `[${b.typeId}] ${b.text} gives ${other.value}`,
  );
};

interface Search {
  readonly matches: readonly Match[];
  readonly mismatches: readonly (() => string)[];
}

const search = (memo: CoreMemo, type: BtfType, local: AccessSpec): Search => {
  const candidates = candidatesOf(memo, type);
  const fitting: Candidate[] = [];
  const matches: Match[] = [];
  const mismatches: (() => string)[] = [];
  for (const candidate of candidates) {
    const spec = matchSpec(local, candidate.btf, candidate.id);
    if ('mismatch' in spec) {
      mismatches.push(() => `${candidate.btf.file}: ${spec.mismatch()}`);
      continue;
    }
    const { value, access } = valueOf(spec);
    const match = { spec, value, access };
    checkUnambiguous(matches[0] ?? match, match);
    matches.push(match);
    fitting.push(candidate);
  }
  if (fitting.length > 0) memo.candidates.set(type.id, fitting);
  return { matches, mismatches };
};

/** Of an integer that is signed and nothing else, so that its sign would have to be extended. */
const isSignExtended = (type: BtfType): boolean =>
  type.kind === 'int' && type.signed && !type.char && !type.bool;

const resizeOf = (from: Access | undefined, to: Access | undefined): Resize | undefined => {
  const sizes = { from: from?.size ?? 0, to: to?.size ?? 0 };
  if (sizes.from === sizes.to) return undefined;
  const [a, b] = [from?.type, to?.type];
  const pointers = a?.kind === 'ptr' && b?.kind === 'ptr';
  const integers =
    a?.kind === 'int' && b?.kind === 'int' && !isSignExtended(a) && !isSignExtended(b);
  return { ...sizes, safe: pointers || integers };
};

/** Questions of existence, and all about types, have an answer for what is not there. */
const absentValue = (kind: CoreKind): bigint | undefined =>
  isTypeBased(kind) || kind.endsWith('_exists') ? 0n : undefined;

const MAX_MISMATCHES = 3;

function* namesOfKind(targets: readonly Btf[], type: BtfType): Generator<string> {
  for (const btf of targets)
    for (let id = btf.base?.typeCount ?? 1; id < btf.typeCount; id++)
      if (btf.kind(id) === type.kind) yield btf.name(id);
}

/** Names like the missing one are looked for only if the program may need the type: it costs a pass over all. */
const explainAbsence = (
  memo: CoreMemo,
  type: BtfType,
  mismatches: readonly (() => string)[],
  poison: boolean,
): string => {
  if (mismatches.length > 0)
    return mismatches
      .slice(0, MAX_MISMATCHES)
      .map((mismatch) => mismatch())
      .join('; ');
  const name = essentialName(type.name);
  const near = poison ? nearestNames(name, namesOfKind(memo.targets, type)) : [];
  const hint = near.length === 0 ? '' : ` (nearest: ${near.join(', ')})`;
  const files = memo.targets.map(({ file }) => file).join(', ') || 'the target';
  return `${files}: no ${type.kind} ${name}${hint}`;
};

const absent = (
  memo: CoreMemo,
  type: BtfType,
  spec: AccessSpec,
  mismatches: readonly (() => string)[],
): Pick<CoreResolution, 'newValue' | 'reason'> => {
  const newValue = absentValue(spec.kind);
  return { newValue, reason: explainAbsence(memo, type, mismatches, newValue === undefined) };
};

const resolveSpec = (memo: CoreMemo, type: BtfType, spec: AccessSpec): CoreResolution => {
  const old: CoreValue = valueOf(spec);
  const found: CoreResolution = {
    local: formatSpec(spec),
    target: undefined,
    oldValue: old.value,
    newValue: old.value,
    validate: old.validate,
    resize: undefined,
    reason: undefined,
    error: undefined,
  };
  if (spec.kind === 'local_type_id') return { ...found, target: found.local };
  if (type.name === '') return refuse(`${spec.kind} of an anonymous type cannot be relocated`);
  const { matches, mismatches } = search(memo, type, spec);
  const [match] = matches;
  if (match === undefined) return { ...found, ...absent(memo, type, spec, mismatches) };
  return {
    ...found,
    target: formatSpec(match.spec),
    newValue: match.value,
    resize: resizeOf(old.access, match.access),
  };
};

const failed = (error: string, local: CoreSpec | undefined): CoreResolution => ({
  local,
  target: undefined,
  oldValue: 0n,
  newValue: undefined,
  validate: false,
  resize: undefined,
  reason: undefined,
  error,
});

const orRefusal = <T>(attempt: () => T, otherwise: (reason: string) => T): T => {
  try {
    return attempt();
  } catch (error) {
    if (error instanceof CoreRefusal) return otherwise(error.message);
    throw error;
  }
};

const compute = (memo: CoreMemo, relocation: CoreRelocation, kind: CoreKind): CoreResolution => {
  const { typeId, access } = relocation;
  const type = memo.local.type(typeId);
  return orRefusal(
    () => {
      const spec = parseSpec(memo.local, typeId, access, kind);
      return orRefusal(
        () => resolveSpec(memo, type, spec),
        (reason) => failed(reason, formatSpec(spec)),
      );
    },
    (reason) => failed(`${describeType(type)} + ${access}: ${reason}`, undefined),
  );
};

/** Finds what a relocation refers to in the targets, or takes it from the memo. */
export const resolveRelocation = (
  memo: CoreMemo,
  relocation: CoreRelocation,
  kind: CoreKind,
): CoreResolution => {
  const key = `${kind} ${relocation.typeId} ${relocation.access}`;
  const known = memo.resolutions.get(key);
  if (known !== undefined) return known;
  const resolution = compute(memo, relocation, kind);
  memo.resolutions.set(key, resolution);
  return resolution;
};
