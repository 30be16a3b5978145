import { ERRNO, VM } from '../../abi/index.ts';
import type { Offset } from '../mem/memory.ts';
import type { Struct } from '../mem/structs.ts';
import { Mm, TASK_SIZE } from '../mm/mm.ts';
import { PAGE_SIZE } from '../mm/user-memory.ts';
import { VM_MAYALL, VM_SOFTDIRTY, type Vma } from '../mm/vma.ts';
import type { Cred } from '../task/cred.ts';
import type { File } from './file.ts';
import type { Vfs } from './vfs.ts';

const { E2BIG } = ERRNO;

/** In bytes, the NUL included. */
const MAX_ARG_STRLEN = 32 * PAGE_SIZE;
/** A quarter of the stack limit of 8 MiB. */
const ARGS_LIMIT = 2 * 1024 * 1024;
const POINTER = 8;
export const BINPRM_BUF_SIZE = 256;
const STACK_FLAGS = VM.READ | VM.WRITE | VM.GROWSDOWN | VM_MAYALL | VM.ACCOUNT | VM_SOFTDIRTY;
const utf8 = new TextEncoder();

/**
 * An exec on its way: `struct linux_binprm`, and the new address space with the strings at the top of its stack:
 *
 *   p → argv[0] … argv[argc-1], envp[0] … envp[envc-1], filename, 8 bytes of zero, top of the stack
 */
export class Binprm {
  readonly s: Struct<'linux_binprm'>;
  mm: Mm | undefined;
  file: File | undefined;
  interpreter: File | undefined;
  cred: Cred | undefined;
  readonly filename: string;
  interp: string;
  readonly stack: Vma;
  readonly #vfs: Vfs;

  constructor(vfs: Vfs, filename: string) {
    const { core, tasks } = vfs;
    this.#vfs = vfs;
    this.filename = this.interp = filename;
    this.s = core.structs.linux_binprm.alloc();
    this.s.filename = this.s.interp = core.mem.allocString(filename);
    const mm = new Mm(core, tasks.namespaces.user);
    this.mm = mm;
    this.s.mm = mm.addr;
    const bottom = TASK_SIZE - PAGE_SIZE;
    this.stack = mm.insert(bottom, TASK_SIZE, STACK_FLAGS, bottom / PAGE_SIZE);
    this.s.vma = this.stack.s.addr;
    this.s.p = TASK_SIZE - POINTER;
  }

  get addr(): Offset {
    return this.s.addr;
  }

  /** The first bytes of the file. */
  get buf(): Uint8Array {
    const at = this.#vfs.core.structs.linux_binprm.fields.buf.at(this.addr);
    return this.#vfs.core.mem.u8.subarray(at, at + BINPRM_BUF_SIZE);
  }

  /** Takes over the reference to the file. */
  setFile(file: File): void {
    this.file = file;
    this.s.file = file.addr;
  }

  /** Takes over the reference to the cred. */
  setCred(cred: Cred): void {
    this.cred = cred;
    this.s.cred = cred.addr;
  }

  /** bprm_stack_limits() and the copying of all strings. @returns 0 or -E2BIG. */
  copyArguments(argv: readonly string[], envp: readonly string[]): number {
    this.s.argc = argv.length;
    this.s.envc = envp.length;
    const pointers = (Math.max(argv.length, 1) + envp.length) * POINTER;
    if (ARGS_LIMIT <= pointers) return -E2BIG;
    this.s.argmin = this.s.p - (ARGS_LIMIT - pointers);
    let error = this.push(this.filename);
    if (error < 0) return error;
    this.s.exec = this.s.p;
    error = this.#pushAll(envp);
    if (error >= 0) error = this.#pushAll(argv);
    if (error < 0 || argv.length > 0) return error;
    // A program always gets an argv[0], since 5.18.
    this.s.argc = 1;
    return this.push('');
  }

  #pushAll(strings: readonly string[]): number {
    for (let i = strings.length - 1; i >= 0; i--) {
      const error = this.push(strings[i] ?? '');
      if (error < 0) return error;
    }
    return 0;
  }

  /** copy_strings() for one string: `p` moves down to it. */
  push(text: string): number {
    const bytes = utf8.encode(text);
    if (bytes.length + 1 > MAX_ARG_STRLEN) return -E2BIG;
    const p = this.s.p - bytes.length - 1;
    if (p < this.s.argmin) return -E2BIG;
    this.s.p = p;
    this.grow(p);
    this.mm?.write(p, bytes);
    return 0;
  }

  /** Expands the stack down to the page of `address`. */
  grow(address: number): void {
    const bottom = Math.floor(address / PAGE_SIZE) * PAGE_SIZE;
    const { s } = this.stack;
    if (bottom >= s.vm_start || this.mm === undefined) return;
    this.mm.s.total_vm += (s.vm_start - bottom) / PAGE_SIZE;
    s.vm_start = bottom;
    s.vm_pgoff = bottom / PAGE_SIZE;
  }

  /** remove_arg_zero(). */
  dropFirst(): void {
    const first = this.mm?.readString(this.s.p, MAX_ARG_STRLEN) ?? '';
    this.s.p += utf8.encode(first).length + 1;
    this.s.argc -= 1;
  }

  /** bprm_change_interp(). */
  changeInterp(interp: string): void {
    const { mem } = this.#vfs.core;
    if (this.s.interp !== this.s.filename) mem.free(this.s.interp);
    this.s.interp = mem.allocString(interp);
    this.interp = interp;
  }

  /** free_bprm(): gives back all that the new program did not take over. */
  free(): void {
    const { core, tasks } = this.#vfs;
    this.mm?.put();
    if (this.cred !== undefined) tasks.creds.put(this.cred);
    this.interpreter?.put();
    this.file?.put();
    if (this.s.interp !== this.s.filename) core.mem.free(this.s.interp);
    core.mem.free(this.s.filename);
    core.mem.free(this.addr);
  }
}
