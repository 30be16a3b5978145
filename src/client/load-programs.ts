import { BPF_ATTACH_TYPE, BPF_PROG_TYPE } from '../abi/index.ts';
import { formatOutcome, relocate, type CoreCache } from '../btf/core/relocate.ts';
import type { Btf } from '../btf/types.ts';
import type { ProgLoadAttr } from '../kernel/index.ts';
import type { CollectionSpec, ProgramSpec, Reference } from '../object/spec.ts';
import { findAttachTarget } from './attach-target.ts';
import { BpfError, LoadError } from './errors.ts';
import { findExtern } from './extern.ts';
import { bpf, type Fds } from './fds.ts';
import { funcInfo, lineInfo } from './prog-info.ts';

/** `src_reg` of a 64-bit immediate load, or of a call (enum in include/uapi/linux/bpf.h, BPF_PSEUDO_*). */
const PSEUDO = { MAP_FD: 1, MAP_VALUE: 2, BTF_ID: 3, FUNC: 4, KFUNC_CALL: 2 } as const;
const BPF_F_SLEEPABLE = 1 << 4;
const MAX_NAME = 15;
/** A call that the verifier refuses when it can be reached, with a number that people recognise (libbpf's). */
const POISON_KFUNC = 2002000000;

export interface ProgramContext {
  readonly spec: CollectionSpec;
  readonly kernelBtf: Btf;
  /** The object's BTF as the kernel took it. */
  readonly loadedBtf: { readonly fd: number; readonly bytes: Uint8Array } | undefined;
  readonly mapFds: ReadonlyMap<string, number>;
  readonly fds: Fds;
  readonly coreCache: CoreCache;
}

const failure = (
  { spec }: ProgramContext,
  program: ProgramSpec,
  why: string,
  options: { cause?: unknown; log?: string } = {},
): LoadError =>
  new LoadError({ file: spec.file, kind: 'program', subject: program.name }, why, options);

/** Fits the program's member accesses to the kernel. */
function relocated(context: ProgramContext, program: ProgramSpec): Uint8Array {
  const { spec, kernelBtf, coreCache } = context;
  if (program.coreRelocations.length === 0 || spec.btf === undefined) return program.code.slice();
  const { code, outcomes } = relocate({
    code: program.code,
    relocations: program.coreRelocations,
    lines: program.lines,
    local: spec.btf,
    targets: [kernelBtf],
    cache: coreCache,
  });
  const failed = outcomes.filter((outcome) => outcome.status === 'error');
  const [first] = failed;
  if (first === undefined) return code;
  const where = first.line === undefined ? '' : ` (${first.line.file}:${first.line.line})`;
  const asked = first.local?.text ?? `kind ${first.kind ?? 'unknown'}`;
  throw failure(
    context,
    program,
    `CO-RE relocation of ${asked}: ${first.reason ?? 'failed'}${where}`,
    { log: failed.map(formatOutcome).join('\n') },
  );
}

function setSource(code: Uint8Array, insn: number, pseudo: number): void {
  const at = insn * 8 + 1;
  code[at] = ((code[at] ?? 0) & 0x0f) | (pseudo << 4);
}

function setImmediates(view: DataView, insn: number, low: number, high: number): void {
  view.setInt32(insn * 8 + 4, low, true);
  view.setInt32(insn * 8 + 12, high, true);
}

const isCall = (code: Uint8Array, insn: number): boolean => code[insn * 8] === 0x85;

/** An address or call of something in the kernel, by its BTF id; what is weak and absent becomes 0. */
function patchExtern(
  context: ProgramContext,
  program: ProgramSpec,
  code: Uint8Array,
  insn: number,
  target: Extract<Reference['target'], { kind: 'ksym' | 'kfunc' }>,
): void {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  const { btf } = context.spec;
  if (btf === undefined) throw failure(context, program, `extern '${target.name}' needs BTF`);
  const found = findExtern(target, btf, context.kernelBtf);
  if ('problem' in found) throw failure(context, program, found.problem);
  const { id } = found;
  if (isCall(code, insn)) {
    setSource(code, insn, id === 0 ? 0 : PSEUDO.KFUNC_CALL);
    view.setInt16(insn * 8 + 2, 0, true);
    view.setInt32(insn * 8 + 4, id === 0 ? POISON_KFUNC : id, true);
    return;
  }
  setSource(code, insn, id === 0 ? 0 : PSEUDO.BTF_ID);
  setImmediates(view, insn, id, 0);
}

function patch(
  context: ProgramContext,
  program: ProgramSpec,
  code: Uint8Array,
  { insn, target }: Reference,
): void {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  const mapFd = (map: string): number => {
    const fd = context.mapFds.get(map);
    if (fd === undefined)
      throw failure(context, program, `refers to map '${map}', which is absent`);
    return fd;
  };
  switch (target.kind) {
    case 'map':
      setSource(code, insn, PSEUDO.MAP_FD);
      setImmediates(view, insn, mapFd(target.map), 0);
      return;
    case 'map_value':
      setSource(code, insn, PSEUDO.MAP_VALUE);
      setImmediates(view, insn, mapFd(target.map), target.offset);
      return;
    case 'func':
      // Counted, as a call's, from the instruction after this one.
      setSource(code, insn, PSEUDO.FUNC);
      setImmediates(view, insn, target.insn - insn - 1, 0);
      return;
    case 'ksym':
    case 'kfunc':
      patchExtern(context, program, code, insn, target);
      return;
    default:
      target satisfies never;
  }
}

function linked(context: ProgramContext, program: ProgramSpec): Uint8Array {
  const code = relocated(context, program);
  for (const reference of program.references) patch(context, program, code, reference);
  return code;
}

function infoOf(context: ProgramContext, program: ProgramSpec): Partial<ProgLoadAttr> {
  const { loadedBtf } = context;
  if (loadedBtf === undefined) return {};
  const functions = funcInfo(program);
  if (functions === undefined) return {};
  const lines = lineInfo(program, loadedBtf.bytes);
  return {
    progBtfFd: loadedBtf.fd,
    funcInfo: functions,
    ...(lines === undefined ? {} : { lineInfo: lines }),
  };
}

/** The attributes of PROG_LOAD for a program. `attachTo` stands for what its section names, if given. */
export function progLoadAttr(
  context: ProgramContext,
  program: ProgramSpec,
  attachTo = program.attachTo,
): ProgLoadAttr {
  const progType = BPF_PROG_TYPE[program.type as keyof typeof BPF_PROG_TYPE];
  if (progType === undefined)
    throw failure(context, program, `program type ${program.type} is unknown`);
  const target = findAttachTarget(program, attachTo, context.kernelBtf);
  if ('missing' in target) throw failure(context, program, target.missing);
  const { attachType } = program;
  return {
    progType,
    insns: linked(context, program),
    license: context.spec.license,
    progFlags: program.sleepable ? BPF_F_SLEEPABLE : 0,
    progName: program.name.slice(0, MAX_NAME),
    expectedAttachType:
      attachType === undefined ? 0 : BPF_ATTACH_TYPE[attachType as keyof typeof BPF_ATTACH_TYPE],
    attachBtfId: target.id,
    ...infoOf(context, program),
  };
}

export async function loadProgram(
  context: ProgramContext,
  program: ProgramSpec,
  attachTo?: string,
): Promise<number> {
  const attr = progLoadAttr(context, program, attachTo);
  try {
    return context.fds.own(await bpf(context.fds.task, 'PROG_LOAD', attr));
  } catch (error) {
    if (!(error instanceof BpfError)) throw error;
    const log = error.log === undefined ? {} : { log: error.log };
    throw failure(context, program, error.message, { cause: error, ...log });
  }
}
