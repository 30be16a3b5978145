import { ALU } from './opcodes.ts';

/** Operators by the high four bits of the opcode, as the kernel writes them; one table for both directions. */
export const ALU_SIGNS: readonly (string | undefined)[] = [
  '+=',
  '-=',
  '*=',
  '/=',
  '|=',
  '&=',
  '<<=',
  '>>=',
  undefined,
  '%=',
  '^=',
  '=',
  's>>=',
];

export const JUMP_SIGNS: readonly (string | undefined)[] = [
  'jmp',
  '==',
  '>',
  '>=',
  '&',
  '!=',
  's>',
  's>=',
  undefined,
  undefined,
  '<',
  '<=',
  's<',
  's<=',
];

/** By the size bits of the opcode. */
export const SIZES = ['u32', 'u16', 'u8', 'u64'] as const;
export const SIGNED_SIZES = ['s32', 's16', 's8'] as const;

export const ATOMIC_NAMES: Readonly<Record<number, string>> = {
  [ALU.ADD]: 'add',
  [ALU.OR]: 'or',
  [ALU.AND]: 'and',
  [ALU.XOR]: 'xor',
};
