export { readElf, type Elf, type ElfSection } from './elf.ts';
export { readObject } from './read.ts';
export type * from './spec.ts';
