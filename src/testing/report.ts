import { errnoName } from '../abi/index.ts';
import type { Decision, SourceLine } from '../kernel/index.ts';

/** One denial as reports show it. */
export interface Denial {
  /** Name and process id of the task: `cat[101]`. */
  readonly task: string;
  readonly syscall: string;
  /** Undefined when no hook was asked: file permissions decided. */
  readonly hook: string | undefined;
  /** The BPF program, the LSM, or `dac`. */
  readonly by: string;
  /** `EPERM` */
  readonly errno: string;
  readonly object: string | undefined;
  readonly line: SourceLine | undefined;
}

/**
 * Whether somebody said no. A capability that the task lacks is no denial of its call: the kernel also asks for those
 * that would only make a check pass which otherwise decides.
 */
export const isDenial = ({ by, hook, result }: Decision): boolean =>
  by !== undefined && result < 0 && !(hook === 'capable' && by.layer === 'lsm');

function who(decision: Decision): string {
  const { by } = decision;
  if (by === undefined) return 'nobody';
  switch (by.layer) {
    case 'bpf':
      return by.program;
    case 'lsm':
      return by.lsm;
    case 'dac':
      return 'dac';
    default:
      return by satisfies never;
  }
}

export const denialOf = (decision: Decision): Denial => ({
  task: `${decision.task.comm}[${decision.task.pid}]`,
  syscall: decision.syscall,
  hook: decision.hook,
  by: who(decision),
  errno: errnoName(-decision.result),
  object: decision.object,
  line: decision.by?.layer === 'bpf' ? decision.by.line : undefined,
});

/** Only the file's own name: objects carry the path of the machine that built them. */
const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** `cat[101] inode_unlink protect_unlink EPERM protect_file.bpf.c:57 return deny();` */
export function formatDenial(denial: Denial): string {
  const { task, hook, syscall, by, errno, object, line } = denial;
  const what = object === undefined ? '' : ` ${object}`;
  const where =
    line === undefined ? '' : ` at ${baseName(line.file)}:${line.line}: ${line.text.trim()}`;
  return `${task} ${syscall}${what}: ${hook ?? 'no hook'}: ${by}: ${errno}${where}`;
}

/** A decision of any outcome on one line, for the messages of failed expectations. */
export function formatDecision(decision: Decision): string {
  if (isDenial(decision)) return formatDenial(denialOf(decision));
  const asked = decision.programs.map((p) => `${p.name} = ${p.result}`).join(', ') || 'no program';
  const { comm, pid } = decision.task;
  return `${comm}[${pid}] ${decision.syscall}: ${decision.hook ?? 'no hook'}: allowed (${asked})`;
}
