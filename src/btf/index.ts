export { printStaticAsserts } from './c/asserts.ts';
export { formatType } from './c/format.ts';
export { printC } from './c/print.ts';
export {
  createCoreCache,
  formatOutcome,
  relocate,
  type CoreCache,
  type CoreInput,
  type CoreResult,
} from './core/relocate.ts';
export * from './core/types.ts';
export { checkBtf } from './check.ts';
export { findMember, funcProto } from './lookup.ts';
export { printRaw } from './print-raw.ts';
export type { BtfProblem } from './check-names.ts';
export { readBtf, type ReadBtfOptions } from './reader.ts';
export * from './types.ts';
export { createBtfBuilder, writeBtf, type BtfBuilder, type NewBtfType } from './writer.ts';
