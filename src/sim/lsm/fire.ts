import type { Btf } from '../../btf/types.ts';
import type { Decision } from '../../kernel/decision.ts';
import type { KernelMemory, Offset } from '../mem/memory.ts';
import { HookArgumentError, ObjectGraph, type GraphValue } from './graph.ts';
import type { HookHost, HookPoint } from './hook-point.ts';
import { hookNames, type HookParam, type HookPrototype } from './hooks.ts';
import { nearestHint } from './nearest.ts';

/** By position, or by the parameters' names. */
export type FireArguments = readonly GraphValue[] | Readonly<Record<string, GraphValue>>;

export interface Fired {
  /** What the hook's caller would see. */
  readonly result: number;
  readonly decision: Decision;
}

interface FireDeps {
  readonly mem: KernelMemory;
  readonly btf: Btf;
  readonly host: {
    released: ((object: Offset) => void) | undefined;
    record: HookHost['record'];
  };
  hook(name: string): HookPoint;
}

/**
 * Calls any hook of the booted kernel. Arguments are data: integers, strings for `char *`, null, a simulated object
 * (`{ addr }`), or a plain object that describes a struct by its members; what it describes lives in kernel memory for
 * the time of the call.
 */
export function fire(deps: FireDeps, name: string, args: FireArguments): Fired {
  const point = deps.hook(name);
  const { prototype } = point;
  if (prototype === undefined) {
    const hint = nearestHint(name, hookNames(deps.btf));
    throw new HookArgumentError(`hook ${name}: the booted kernel has no such hook${hint}`);
  }
  const graph = new ObjectGraph(deps.mem, deps.btf, `hook ${name}`);
  try {
    const values = inOrder(prototype, args);
    const result = point.call(
      ...prototype.params.map((p, i) => argument(deps, graph, p, values[i])),
    );
    const decision = point.decision ?? deps.host.record(name, result, undefined, []);
    return { result, decision };
  } finally {
    point.decision = undefined;
    for (const object of graph.objects) deps.host.released?.(object);
    graph.free();
  }
}

function inOrder(
  prototype: HookPrototype,
  args: FireArguments,
): readonly (GraphValue | undefined)[] {
  const { params, name } = prototype;
  const wanted = params.map((p) => p.name);
  const signature = `${name}(${wanted.join(', ')})`;
  if (isList(args)) {
    if (args.length !== params.length)
      throw new HookArgumentError(
        `hook ${signature}: ${params.length} arguments wanted, ${args.length} given`,
      );
    return args;
  }
  for (const given of Object.keys(args))
    if (!wanted.includes(given))
      throw new HookArgumentError(
        `hook ${signature}: no parameter ${given}${nearestHint(given, wanted)}`,
      );
  for (const param of wanted)
    if (args[param] === undefined)
      throw new HookArgumentError(`hook ${signature}: argument ${param} is missing`);
  return wanted.map((param) => args[param]);
}

const isList = (args: FireArguments): args is readonly GraphValue[] => Array.isArray(args);

function argument(
  deps: FireDeps,
  graph: ObjectGraph,
  param: HookParam,
  value: GraphValue | undefined,
): number {
  const path = `argument ${param.name}`;
  if (value === undefined) throw new HookArgumentError(`${graph.subject}: ${path} is missing`);
  const scalar = typeof value === 'number' || typeof value === 'bigint';
  if (param.kind === 'int' || (param.kind === 'by-value' && param.size <= 8 && scalar)) {
    const number = Number(graph.integer(param.type, param.size * 8, value, path));
    if (Number.isSafeInteger(number)) return number;
    throw new HookArgumentError(`${graph.subject}: ${path}: ${number} does not fit 53 bits`);
  }
  const at = graph.place(param.type, value, path);
  if (param.kind === 'by-value')
    return param.size > 8 ? at : Number(deps.mem.view.getBigUint64(at, true));
  const low = deps.mem.view.getUint32(at, true);
  const high = deps.mem.view.getInt32(at + 4, true);
  return high === deps.mem.baseHi ? low : (high >>> 0) * 2 ** 32 + low;
}
