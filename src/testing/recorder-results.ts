import { S } from '../abi/index.ts';
import type { SyscallName } from '../kernel/index.ts';
import { show } from './equal.ts';
import { showBytes, type Numbering, type TaskNames } from './names.ts';

/** A system call that succeeded, with what its numbers may stand for. */
interface Outcome {
  readonly args: readonly unknown[];
  readonly result: number;
  readonly names: TaskNames;
  readonly numbering: Numbering;
  readonly pid: (pid: number) => string;
}

function opened({ names, result }: Outcome, label: string): string {
  names.setFd(result, label);
  return label;
}
const file = (outcome: Outcome): string => opened(outcome, `file ${show(outcome.args[0])}`);

const bytesOf = (value: unknown): Uint8Array =>
  value instanceof Uint8Array ? value : new Uint8Array();

/** How the results of calls are shown that are more than a number, and what is remembered of them. */
const RESULTS: Readonly<Partial<Record<SyscallName, (outcome: Outcome) => string>>> = {
  open: file,
  creat: file,
  socket: (outcome) => opened(outcome, `socket${outcome.numbering.next('socket')}`),
  dup: (outcome) => opened(outcome, outcome.names.fd(Number(outcome.args[0]))),
  getpid: ({ pid, result }) => pid(result),
  execve: ({ names }) => {
    names.forgetMemory();
    return '0';
  },
  mmap: ({ names, numbering, args, result }) => {
    const name = `map${numbering.next('area')}`;
    names.setArea(result, Number(args[1]), name);
    return name;
  },
  brk: ({ names, result }) => {
    names.setHeap(result);
    return names.heap(result);
  },
  read: ({ args, result }) => `${result} ${showBytes(bytesOf(args[1]).subarray(0, result))}`,
  stat: ({ args, numbering, result }) => `${result} ${showStat(bytesOf(args[1]), numbering)}`,
};

/** What a call that succeeded gave. */
export const showResult = (name: SyscallName, outcome: Outcome): string =>
  RESULTS[name]?.(outcome) ?? String(outcome.result);

/** What `struct stat` of x86-64 says, but for times and the sizes of directories, which file systems choose. */
function showStat(stat: Uint8Array, numbering: Numbering): string {
  const view = new DataView(stat.buffer, stat.byteOffset, stat.byteLength);
  const id = `${view.getBigUint64(0, true)} ${view.getBigUint64(8, true)}`;
  const mode = view.getUint32(24, true);
  const size = (mode & S.IFMT) === S.IFDIR ? '' : ` size ${view.getBigInt64(48, true)}`;
  const links = view.getBigUint64(16, true);
  const owner = `${view.getUint32(28, true)}:${view.getUint32(32, true)}`;
  return `${numbering.of('inode', id)} mode 0${mode.toString(8)} links ${links} owner ${owner}${size}`;
}
