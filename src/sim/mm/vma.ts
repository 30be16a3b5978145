import { VM } from '../../abi/index.ts';
import type { File } from '../fs/file.ts';
import type { Struct } from '../mem/structs.ts';

export const VM_NORESERVE = 0x200000;
export const VM_ACCESS = VM.READ | VM.WRITE | VM.EXEC;
export const VM_MAYALL = VM.MAYREAD | VM.MAYWRITE | VM.MAYEXEC;
/** VM_SOFTDIRTY | VM_STACK_FLAGS: set on every mapping made by mmap, brk and exec. */
export const VM_SOFTDIRTY = 0x8000000;

/** One mapping of an address space: `struct vm_area_struct`, and the file it holds. */
export interface Vma {
  readonly s: Struct<'vm_area_struct'>;
  readonly file: File | undefined;
}

/** Whether the two, the second right after the first, can be one. */
export function mergeable(a: Vma, b: Vma): boolean {
  if (a.s.vm_end !== b.s.vm_start || a.s.vm_flags !== b.s.vm_flags || a.file !== b.file)
    return false;
  return b.s.vm_pgoff === a.s.vm_pgoff + (a.s.vm_end - a.s.vm_start) / 4096;
}
