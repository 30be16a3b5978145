import type { Btf } from '../types.ts';
import { patchInsn } from './patch.ts';
import { resolveRelocation, type CoreMemo } from './resolve.ts';
import { CORE_KINDS, type CoreOutcome, type CoreRelocation, type LineSpec } from './types.ts';

export interface CoreInput {
  /** The program, 8 bytes an instruction, little endian. Left as it is. */
  readonly code: Uint8Array;
  readonly relocations: readonly CoreRelocation[];
  /** In order of `insn`; outcomes quote them. */
  readonly lines?: readonly LineSpec[];
  /** The object's BTF. */
  readonly local: Btf;
  /** The kernel's BTF first, then those of modules, which are asked only for types that the kernel lacks. */
  readonly targets: readonly Btf[];
  /** Shared by all programs of an object, saves doing the same relocation twice. */
  readonly cache?: CoreCache;
}

export interface CoreResult {
  /** A patched copy. */
  readonly code: Uint8Array<ArrayBuffer>;
  /** One for each relocation, in their order. */
  readonly outcomes: readonly CoreOutcome[];
}

/** What was found out about each object. It forgets an object when that meets other targets. */
export type CoreCache = WeakMap<Btf, CoreMemo>;

export const createCoreCache = (): CoreCache => new WeakMap();

const sameTargets = (a: readonly Btf[], b: readonly Btf[]): boolean =>
  a.length === b.length && a.every((btf, i) => btf === b[i]);

const memoFor = ({ local, targets, cache }: CoreInput): CoreMemo => {
  const known = cache?.get(local);
  if (known !== undefined && sameTargets(known.targets, targets)) return known;
  const memo = { local, targets, candidates: new Map(), resolutions: new Map() };
  cache?.set(local, memo);
  return memo;
};

/** The line that covers an instruction: the last one to start at or before it. */
const lineAt = (lines: readonly LineSpec[], insn: number): LineSpec | undefined => {
  let [low, high] = [0, lines.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((lines[middle]?.insn ?? 0) <= insn) low = middle + 1;
    else high = middle;
  }
  return lines[low - 1];
};

const relocateOne = (
  memo: CoreMemo,
  code: DataView,
  relocation: CoreRelocation,
  lines: readonly LineSpec[],
): CoreOutcome => {
  const { insn } = relocation;
  const line = lineAt(lines, insn);
  const kind = CORE_KINDS[relocation.kind];
  if (kind === undefined)
    return {
      insn,
      kind,
      status: 'error',
      local: undefined,
      target: undefined,
      oldValue: 0n,
      newValue: 0n,
      reason: `relocation kind ${relocation.kind} is unknown`,
      line,
    };
  const resolution = resolveRelocation(memo, relocation, kind);
  const { local, target, oldValue, newValue = 0n } = resolution;
  const { status, reason } = patchInsn(code, insn, resolution);
  return { insn, kind, status, local, target, oldValue, newValue, reason, line };
};

/**
 * Fits a program to the kernel whose BTF is given, as libbpf does (`bpf_core_calc_relo_insn`, `bpf_core_patch_insn`
 * in its relo_core.c). A program with an outcome of status `error` must not be loaded; one with a poisoned
 * instruction may, since the verifier refuses it only where it can be reached.
 * @throws {FormatError} if one of the BTFs breaks its format where it is read, or a relocation names no type in it.
 */
export const relocate = (input: CoreInput): CoreResult => {
  const code = new Uint8Array(input.code);
  const view = new DataView(code.buffer);
  const memo = memoFor(input);
  const lines = input.lines ?? [];
  const outcomes = input.relocations.map((relocation) =>
    relocateOne(memo, view, relocation, lines),
  );
  return { code, outcomes };
};

const STATUS_TEXT = {
  resolved: '',
  guarded: 'absent',
  poisoned: 'poisoned',
  error: 'error',
} as const;

/** One outcome as text: what was asked, what came of it, and from which source line it comes. */
export const formatOutcome = (outcome: CoreOutcome): string => {
  const { kind, local, target, status, oldValue, newValue, reason, line } = outcome;
  const asked = `insn ${outcome.insn}: <${kind ?? 'unknown'}> ${local?.text ?? ''}`.trimEnd();
  const values =
    status === 'resolved' || status === 'guarded' ? `: ${oldValue} -> ${newValue}` : '';
  const found = target === undefined ? '' : ` (${target.text})`;
  const why = reason === undefined ? '' : `: ${STATUS_TEXT[status]}: ${reason}`;
  const source = line === undefined ? '' : `\n  ${line.file}:${line.line}: ${line.text.trim()}`;
  return asked + values + found + why + source;
};
