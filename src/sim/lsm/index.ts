export { as, HookArgumentError, type GraphValue, type Typed } from './graph.ts';
export type { FireArguments, Fired } from './fire.ts';
export { HookPoint, MAX_PROGRAMS, type HookProgram, type StaticHook } from './hook-point.ts';
export {
  hookNameOf,
  hookNames,
  hookPrototype,
  type HookParam,
  type HookPrototype,
} from './hooks.ts';
export { Lsm, type LsmDeps, type StaticLsm } from './lsm.ts';
