export { checkAttachTarget } from './attach.ts';
export type { LsmAttachment } from './attach.ts';
export { findLiveCode } from './dead-code.ts';
export type { ReadConstant } from './dead-code.ts';
export type { Diagnostic, Rule } from './diagnostic.ts';
export { describeNullTrap, findNullTraps } from './null-arguments.ts';
export type { NullTrap } from './null-arguments.ts';
export { checkStructure } from './structure.ts';
export type { StructureOptions } from './structure.ts';
