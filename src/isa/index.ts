export { assemble } from './assemble.ts';
export type { AssemblyNames } from './assemble.ts';
export { AssemblyError } from './cursor.ts';
export type { AssemblyRule } from './cursor.ts';
export { disassemble, formatInsn } from './disassemble.ts';
export type { InsnNames } from './disassemble.ts';
export { decode, decodeAt, encode, isAddrSpaceCast } from './instruction.ts';
export type { InsnFields, Instruction } from './instruction.ts';
export * from './opcodes.ts';
