import {
  createCoreCache,
  relocate,
  type Btf,
  type BtfArray,
  type CoreOutcome,
} from '../../btf/index.ts';
import { findAttachTarget, readVariable } from '../../client/index.ts';
import { readInput } from '../../node/read-file.ts';
import {
  readObject,
  type CollectionSpec,
  type MapSpec,
  type ProgramSpec,
  type VariableSpec,
} from '../../object/index.ts';
import { nullTrapWarnings } from '../null-traps.ts';
import { toJson, type Context, type KernelFlags } from '../context.ts';
import { openKernel } from '../kernel.ts';
import type {
  MapReport,
  ObjectReport,
  ProgramReport,
  RelocationReport,
  VariableReport,
} from './object-report.ts';
import { formatReport } from './object-text.ts';

const relocationReport = (outcome: CoreOutcome): RelocationReport => ({
  insn: outcome.insn,
  kind: outcome.kind ?? 'unknown',
  asked: outcome.local?.text ?? '',
  status: outcome.status,
  found: outcome.target?.text ?? null,
  value: outcome.status === 'resolved' || outcome.status === 'guarded' ? outcome.newValue : null,
  reason: outcome.reason ?? null,
  source:
    outcome.line === undefined
      ? null
      : `${outcome.line.file}:${outcome.line.line}: ${outcome.line.text.trim()}`,
});

function targetOf(program: ProgramSpec, kernel: Btf): ProgramReport['target'] {
  const target = findAttachTarget(program, program.attachTo, kernel);
  if ('missing' in target) return target;
  return target.id === 0 ? null : { btfId: target.id };
}

const mapReport = ({ name, type, keySize, valueSize, maxEntries, flags }: MapSpec): MapReport => ({
  name,
  type,
  keySize,
  valueSize,
  maxEntries,
  flags,
});

function variableReport(spec: CollectionSpec, btf: Btf, variable: VariableSpec): VariableReport {
  const contents = spec.maps.get(variable.map)?.data?.contents;
  const { name, map: section, offset, size, extern, typeId } = variable;
  const value =
    extern || contents === undefined ? undefined : readVariable(btf, variable, contents);
  return { name, section, offset, size, type: typeText(btf, typeId), value };
}

/** The outer dimension comes first: `char[2][16]` are two strings. */
function arrayText(btf: Btf, array: BtfArray): string {
  let dimensions = `[${array.length}]`;
  let element = btf.type(array.element);
  for (; element.kind === 'array'; element = btf.type(element.element))
    dimensions += `[${element.length}]`;
  return `${typeText(btf, element.id)}${dimensions}`;
}

/** A variable's type as C writes it in a cast. */
function typeText(btf: Btf, id: number): string {
  const type = btf.type(id);
  switch (type.kind) {
    case 'const':
    case 'volatile':
    case 'restrict':
      return `${type.kind} ${typeText(btf, type.type)}`;
    case 'type_tag':
      return typeText(btf, type.type);
    case 'ptr':
      return `${typeText(btf, type.type)} *`;
    case 'array':
      return arrayText(btf, type);
    case 'struct':
    case 'union':
    case 'enum':
      return `${type.kind} ${type.name || '{…}'}`;
    case 'enum64':
      return `enum ${type.name || '{…}'}`;
    case 'fwd':
      return `${type.of} ${type.name}`;
    case 'void':
    case 'int':
    case 'typedef':
    case 'float':
    case 'func':
    case 'func_proto':
    case 'var':
    case 'datasec':
    case 'decl_tag':
      return type.name || type.kind;
    default:
      return type satisfies never;
  }
}

function report(spec: CollectionSpec, kernel: Btf, kernelName: string): ObjectReport {
  const { btf } = spec;
  const cache = createCoreCache();
  const outcomes = ({ code, coreRelocations, lines }: ProgramSpec): readonly CoreOutcome[] =>
    btf === undefined || coreRelocations.length === 0
      ? []
      : relocate({
          code,
          relocations: coreRelocations,
          lines,
          local: btf,
          targets: [kernel],
          cache,
        }).outcomes;
  return {
    file: spec.file,
    license: spec.license,
    kernel: kernelName,
    programs: [...spec.programs.values()].map((program) => ({
      name: program.name,
      section: program.section,
      type: program.type,
      attachType: program.attachType ?? null,
      sleepable: program.sleepable,
      autoload: program.autoload,
      instructions: program.code.length / 8,
      subprograms: program.functions.slice(1).map((f) => f.name),
      target: targetOf(program, kernel),
      relocations: outcomes(program).map(relocationReport),
    })),
    maps: [...spec.maps.values()].map(mapReport),
    variables:
      btf === undefined
        ? []
        : [...spec.variables.values()].map((v) => variableReport(spec, btf, v)),
    warnings: nullTrapWarnings(spec, kernel),
  };
}

export function showObject(context: Context, { kernel, json }: KernelFlags, file: string): void {
  const spec = readObject(readInput(file), { file });
  const { btf, release } = openKernel(kernel);
  const shown = report(spec, btf, release);
  context.write(json ? toJson(shown) : formatReport(shown));
}
