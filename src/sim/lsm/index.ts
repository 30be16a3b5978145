export { as, HookArgumentError, type GraphValue, type Typed } from './graph.ts';
export type { FireArguments, Fired } from './fire.ts';
export { HookPoint, type HookProgram } from './hook-point.ts';
export {
  hookNameOf,
  hookNames,
  hookPrototype,
  type HookParam,
  type HookPrototype,
} from './hooks.ts';
export { Lsm } from './lsm.ts';
