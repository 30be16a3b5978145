import { ERRNO, SIG, VM } from '../../abi/index.ts';
import type { Mapping } from '../mm/map.ts';
import { hookPoints } from '../task/core.ts';
import { PF, type Task } from '../task/task.ts';
import { BINPRM_BUF_SIZE, Binprm } from './binprm.ts';
import { mapElf, readElf, type ElfImage } from './elf.ts';
import type { File } from './file.ts';
import { MAY, S } from './flags.ts';
import { MNT } from './mount.ts';
import { openExec } from './open.ts';
import { inodePermission } from './permission.ts';
import type { Vfs } from './vfs.ts';

const { EACCES, ELOOP, ENOEXEC, ENOMEM, ENOENT, ETXTBSY } = ERRNO;

const HOOKS = [
  'bprm_creds_for_exec',
  'bprm_check_security',
  'bprm_creds_from_file',
  'bprm_committing_creds',
  'bprm_committed_creds',
] as const;
const LSM_UNSAFE_PTRACE = 2;
const BINPRM_FLAGS_ENFORCE_NONDUMP = 1;
const MAX_REWRITES = 5;
/** The stack gets 128 KiB more than its strings need. */
const STACK_EXPAND = 131072;

/** execve(2) (fs/exec.c). */
export class Exec {
  readonly #vfs: Vfs;
  readonly #mapping: Mapping;
  readonly #hooks;

  constructor(vfs: Vfs, mapping: Mapping) {
    this.#vfs = vfs;
    this.#mapping = mapping;
    this.#hooks = hookPoints(vfs.core.lsm, HOOKS);
  }

  /**
   * The task becomes the program in `path`, which does not run.
   * @returns 0 or a negative errno; failing after the old program was given up kills the task.
   */
  execve(task: Task, path: string, argv: readonly string[], envp: readonly string[]): number {
    if (path === '') return -ENOENT;
    // Since 6.8 the file is opened before anything else is done.
    const opensFirst = this.#vfs.core.version >= 6008;
    const first = opensFirst ? this.#open(path) : undefined;
    if (typeof first === 'number') return first;
    const bprm = new Binprm(this.#vfs, path);
    if (first !== undefined) bprm.setFile(first);
    let error = bprm.copyArguments(argv, envp);
    if (error >= 0) error = this.#prepare(task, bprm);
    if (error >= 0) error = this.#run(task, bprm);
    task.fs.s.in_exec = 0;
    const lost = error < 0 && bprm.s.point_of_no_return === 1;
    bprm.free();
    if (lost) this.#vfs.tasks.exit(task, SIG.SEGV);
    return error;
  }

  /** bprm_execve() up to the program. */
  #prepare(task: Task, bprm: Binprm): number {
    const cred = this.#vfs.tasks.creds.prepare(task.cred);
    if (cred === undefined) return -ENOMEM;
    bprm.setCred(cred);
    if (task.s.ptrace !== 0) bprm.s.unsafe |= LSM_UNSAFE_PTRACE;
    task.fs.s.in_exec = 1;
    if (bprm.file === undefined) {
      const file = this.#open(bprm.filename);
      if (typeof file === 'number') return file;
      bprm.setFile(file);
    }
    return this.#hooks.bprm_creds_for_exec.call(bprm.addr);
  }

  /** do_open_execat(): a regular file that nobody has open for writing. */
  #open(path: string): File | number {
    const file = openExec(this.#vfs, path);
    if (typeof file === 'number') return file;
    const { s } = file.inode;
    let error = 0;
    if ((s.i_mode & S.IFMT) !== S.IFREG || file.noexec) error = -EACCES;
    else if (s.i_writecount > 0) error = -ETXTBSY;
    if (error < 0) {
      file.put();
      return error;
    }
    s.i_writecount -= 1;
    file.deniesWrite = true;
    return file;
  }

  /** exec_binprm(): scripts name another program to run, up to five times. */
  #run(task: Task, bprm: Binprm): number {
    for (let depth = 0; ; depth++) {
      if (depth > MAX_REWRITES) return -ELOOP;
      const error = this.#handle(task, bprm);
      if (error < 0 || bprm.interpreter === undefined) return error;
      bprm.file?.put();
      bprm.setFile(bprm.interpreter);
      bprm.interpreter = undefined;
      bprm.s.interpreter = 0;
    }
  }

  /** search_binary_handler(). */
  #handle(task: Task, bprm: Binprm): number {
    const { file } = bprm;
    if (file === undefined) return -ENOEXEC;
    let error = this.#vfs.hooks.file_permission.call(file.addr, MAY.READ);
    if (error < 0) return error;
    const head = new Uint8Array(BINPRM_BUF_SIZE);
    file.inode.pages.read(0, head);
    bprm.buf.set(head);
    error = this.#hooks.bprm_check_security.call(bprm.addr);
    if (error < 0) return error;
    if (head[0] === 0x23 && head[1] === 0x21) return this.#loadScript(bprm, head);
    const image = this.#readProgramHeaders(file);
    return typeof image === 'number' ? image : this.#loadElf(task, bprm, file, image);
  }

  /** load_elf_phdrs(): a read of its own, which the LSMs may refuse. */
  #readProgramHeaders(file: File): ElfImage | number {
    const image = readElf(file);
    const refused =
      typeof image === 'number' ? 0 : this.#vfs.hooks.file_permission.call(file.addr, MAY.READ);
    return refused < 0 ? refused : image;
  }

  /** load_script(): `#!` and the interpreter with at most one argument. */
  #loadScript(bprm: Binprm, head: Uint8Array): number {
    const end = head.indexOf(0x0a);
    const nul = head.indexOf(0);
    const text = new TextDecoder().decode(
      head.subarray(2, end < 0 ? (nul < 0 ? undefined : nul) : end),
    );
    const line = text.replace(/^[ \t]+|[ \t]+$/g, '');
    const [, name = '', argument = ''] = /^([^ \t]+)[ \t]*(.*)$/.exec(line) ?? [];
    // A line longer than the buffer is fine as long as the interpreter's name ends in it.
    if (name === '' || (end < 0 && nul < 0 && !/[ \t]/.test(line))) return -ENOEXEC;
    bprm.dropFirst();
    for (const word of [bprm.interp, argument, name]) {
      if (word === '' && word === argument) continue;
      const error = bprm.push(word);
      if (error < 0) return error;
      bprm.s.argc += 1;
    }
    bprm.changeInterp(name);
    const file = this.#open(name);
    if (typeof file === 'number') return file;
    bprm.interpreter = file;
    bprm.s.interpreter = file.addr;
    return 0;
  }

  /** load_elf_binary(). */
  #loadElf(task: Task, bprm: Binprm, file: File, image: ElfImage): number {
    const interpreter = this.#openInterpreter(bprm, image);
    if (typeof interpreter === 'number') return interpreter;
    let error = this.#beginNewExec(task, bprm, file);
    const { mm } = task;
    if (error >= 0 && mm !== undefined) {
      if (image.execStack) bprm.stack.s.vm_flags |= VM.EXEC;
      mm.s.arg_start = bprm.s.p;
      bprm.grow(bprm.stack.s.vm_start - STACK_EXPAND);
      error = mapElf(this.#mapping, mm, image, true);
      if (error >= 0 && interpreter !== undefined)
        error = mapElf(this.#mapping, mm, interpreter, false);
      if (error >= 0) layOutStack(task, bprm);
    }
    interpreter?.file.put();
    return error;
  }

  #openInterpreter(bprm: Binprm, image: ElfImage): ElfImage | undefined | number {
    if (image.interpreter === undefined) return undefined;
    const { file_permission } = this.#vfs.hooks;
    const named = bprm.file === undefined ? 0 : file_permission.call(bprm.file.addr, MAY.READ);
    if (named < 0) return named;
    const file = this.#open(image.interpreter);
    if (typeof file === 'number') return file;
    this.#wouldDump(bprm, file);
    const refused = file_permission.call(file.addr, MAY.READ);
    const interpreter = refused < 0 ? refused : this.#readProgramHeaders(file);
    if (typeof interpreter !== 'number') return interpreter;
    file.put();
    return interpreter;
  }

  /** begin_new_exec(): the old program is given up, the new credentials are taken. */
  #beginNewExec(task: Task, bprm: Binprm, file: File): number {
    const { tasks } = this.#vfs;
    const { mm, cred } = bprm;
    const error = this.#credsFromFile(bprm, file);
    if (error < 0 || mm === undefined || cred === undefined) return error;
    bprm.s.point_of_no_return = 1;
    mm.setExe(file);
    this.#wouldDump(bprm, file);
    task.mm?.put();
    task.mm = mm;
    bprm.mm = undefined;
    task.s.mm = task.s.active_mm = mm.addr;
    mm.s.owner = task.addr;
    const closed = task.files.takeCloexec();
    const nondump = (bprm.s.interp_flags & BINPRM_FLAGS_ENFORCE_NONDUMP) !== 0;
    const before = task.cred;
    const same = before.euid === before.uid && before.egid === before.gid;
    mm.setDumpable(nondump || !same ? 0 : 1);
    task.comm = bprm.filename.slice(bprm.filename.lastIndexOf('/') + 1);
    task.s.flags &= ~PF.FORKNOEXEC;
    task.s.self_exec_id += 1;
    this.#hooks.bprm_committing_creds.call(bprm.addr);
    bprm.cred = undefined;
    bprm.s.cred = 0;
    tasks.commit(task, cred);
    this.#hooks.bprm_committed_creds.call(bprm.addr);
    // The last references go when the task returns to user space.
    for (const open of closed) open.put();
    return 0;
  }

  /** bprm_creds_from_file(): set-user-id bits, then the LSMs. */
  #credsFromFile(bprm: Binprm, file: File): number {
    const { i_mode, i_uid, i_gid } = file.inode.s;
    const { cred } = bprm;
    if (cred !== undefined && file.path?.mnt.has(MNT.NOSUID) === false) {
      if ((i_mode & S.ISUID) !== 0) cred.euid = i_uid;
      if ((i_mode & (S.ISGID | S.IXGRP)) === (S.ISGID | S.IXGRP)) cred.egid = i_gid;
    }
    return this.#hooks.bprm_creds_from_file.call(bprm.addr, file.addr);
  }

  /** would_dump(): who cannot read the program may not look into its process either. */
  #wouldDump(bprm: Binprm, file: File): void {
    if (inodePermission(this.#vfs, file.inode, MAY.READ) < 0)
      bprm.s.interp_flags |= BINPRM_FLAGS_ENFORCE_NONDUMP;
  }
}

/** create_elf_tables(): argc, the pointers to the strings, and the bounds of the strings in the mm. */
function layOutStack(task: Task, bprm: Binprm): void {
  const { mm } = task;
  if (mm === undefined) return;
  const { argc, envc } = bprm.s;
  const words: number[] = [argc];
  let at = mm.s.arg_start;
  const take = (count: number): void => {
    for (let i = 0; i < count; i++) {
      words.push(at);
      at += stringLength(task, at) + 1;
    }
    words.push(0);
  };
  take(argc);
  mm.s.arg_end = mm.s.env_start = at;
  take(envc);
  mm.s.env_end = at;
  // An auxiliary vector of AT_NULL alone.
  words.push(0, 0);
  const sp = Math.floor((bprm.s.p - words.length * 8) / 16) * 16;
  bprm.grow(sp);
  const bytes = new DataView(new ArrayBuffer(words.length * 8));
  words.forEach((word, i) => bytes.setBigUint64(i * 8, BigInt(word), true));
  mm.write(sp, new Uint8Array(bytes.buffer));
  bprm.s.p = mm.s.start_stack = sp;
}

function stringLength(task: Task, address: number): number {
  const text = task.mm?.readString(address, Number.MAX_SAFE_INTEGER) ?? '';
  return new TextEncoder().encode(text).length;
}
