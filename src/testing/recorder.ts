import { errnoName } from '../abi/index.ts';
import type { Btf } from '../btf/index.ts';
import type {
  BpfCommand,
  BpfCommands,
  BpfResult,
  Kernel,
  RingBuffer,
  SyscallName,
  Syscalls,
  Task,
  TaskOptions,
} from '../kernel/index.ts';
import { SYSCALLS } from '../sim/syscall/table.ts';
import { show } from './equal.ts';
import { Numbering, showBytes, TaskNames } from './names.ts';
import {
  newLabel,
  openBtf,
  showCommand,
  showOut,
  showRecord,
  type MapNotes,
  type Surroundings,
} from './recorder-bpf.ts';
import { showResult } from './recorder-results.ts';
import type { Step, Transcript } from './transcript.ts';

/** A kernel that writes down what is done on it. */
export interface Recording {
  readonly kernel: Kernel;
  readonly steps: Transcript;
}

/** Buffers that calls fill: shown with the result, not with the arguments. */
const FILLS: Readonly<Partial<Record<SyscallName, number>>> = { read: 1, stat: 1 };

/**
 * Wraps a kernel so that each step of a scenario is written down in words that do not depend on the run: tasks and
 * descriptors by what made them, errors by name, addresses by the area they lie in, ids by first appearance.
 * @param maps what to know of the maps whose contents differ from run to run, by name.
 */
export function recordKernel(
  kernel: Kernel,
  maps: Readonly<Record<string, MapNotes>> = {},
): Recording {
  const recorder = new Recorder(kernel, maps);
  return { kernel: recorder.wrapped(), steps: recorder.steps };
}

class Recorder {
  readonly steps: Step[] = [];
  readonly #kernel: Kernel;
  readonly #numbering = new Numbering();
  readonly #maps: Readonly<Record<string, MapNotes>>;
  readonly #btfs: Btf[] = [];
  readonly #tasks: TaskNames[] = [];
  readonly #pids = new Map<number, string>();

  constructor(kernel: Kernel, maps: Readonly<Record<string, MapNotes>>) {
    this.#kernel = kernel;
    this.#maps = maps;
  }

  wrapped(): Kernel {
    const kernel = this.#kernel;
    const self = this.#wrap(kernel.self, new TaskNames('self'));
    return {
      release: kernel.release,
      version: kernel.version,
      possibleCpus: kernel.possibleCpus,
      btf: () => kernel.btf(),
      config: (name) => kernel.config(name),
      self,
      decisions: () => kernel.decisions(),
      spawn: (options) => this.#spawn(options),
    };
  }

  #note(task: string, call: string, result: string): void {
    this.steps.push({ task, call, result });
  }

  async #spawn(options: TaskOptions = {}): Promise<Task> {
    const call = `spawn(${show(options)})`;
    const task = await this.#kernel.spawn(options);
    const names = this.#newNames();
    this.#note('self', call, names.name);
    return this.#wrap(task, names);
  }

  #newNames(parent?: TaskNames): TaskNames {
    return new TaskNames(`task${this.#numbering.next('task')}`, parent);
  }

  #wrap(task: Task, names: TaskNames): Task {
    this.#tasks.push(names);
    this.#pids.set(task.pid, names.name);
    return {
      pid: task.pid,
      bpf: (command, attr) => this.#bpf(task, names, command, attr),
      call: (name, ...args) => this.#call(task, names, name, args),
      fork: () => this.#fork(task, names),
      ringbuf: (mapFd) => this.#ringbuf(task, names, mapFd),
      exit: async (status) => {
        await task.exit(status);
        this.#note(names.name, `exit(${status ?? ''})`, '0');
      },
    };
  }

  async #fork(task: Task, names: TaskNames): Promise<Task | { readonly errno: number }> {
    const child = await task.fork();
    if ('errno' in child) {
      this.#note(names.name, 'fork()', errnoName(child.errno));
      return child;
    }
    const childNames = this.#newNames(names);
    this.#note(names.name, 'fork()', childNames.name);
    return this.#wrap(child, childNames);
  }

  async #call<N extends SyscallName>(
    task: Task,
    names: TaskNames,
    name: N,
    args: Parameters<Syscalls[N]>,
  ): Promise<number> {
    const values: readonly unknown[] = args;
    const fills = FILLS[name];
    const shown = SYSCALLS[name].args
      .map(([arg], i) => this.#argument(names, name === 'brk' ? 'end' : arg, values[i]))
      .filter((_, i) => i !== fills && values[i] !== undefined);
    const result = await task.call(name, ...args);
    const pid = (number: number): string => this.#pids.get(number) ?? 'a pid';
    const outcome = { args: values, result, names, numbering: this.#numbering, pid };
    const text = result < 0 ? errnoName(-result) : showResult(name, outcome);
    this.#note(names.name, `${name}(${shown.join(', ')})`, text);
    return result;
  }

  #argument(names: TaskNames, arg: string, value: unknown): string {
    if (value instanceof Uint8Array) return showBytes(value);
    if (Array.isArray(value)) return this.#strings(value);
    if (typeof value !== 'number') return show(value);
    switch (arg) {
      case 'fd':
        return names.fd(value);
      case 'pid':
        return this.#pids.get(value) ?? String(value);
      case 'address':
        return names.address(value) ?? `0x${value.toString(16)}`;
      case 'end':
        return names.heap(value);
      case 'mode':
        return `0${value.toString(8)}`;
      case 'flags':
      case 'prot':
        return `0x${value.toString(16)}`;
      default:
        return String(value);
    }
  }

  #strings(values: readonly unknown[]): string {
    const text = show(values);
    return text.length <= 100 ? text : `[${values.length} strings, ${text.length} characters]`;
  }

  async #bpf<C extends BpfCommand>(
    task: Task,
    names: TaskNames,
    command: C,
    attr: BpfCommands[C]['attr'],
  ): Promise<BpfResult<BpfCommands[C]['out']>> {
    const around = this.#around(names);
    const fields = attr as unknown as Readonly<Record<string, unknown>>;
    const call = showCommand(command, fields, around);
    const result = await task.bpf(command, attr);
    if (!result.ok) {
      this.#note(names.name, call, errnoName(result.errno) + complaint(result.log));
      return result;
    }
    const label = newLabel(command, fields, around);
    if (label !== undefined) names.setFd(result.value as number, label);
    if (fields['btf'] instanceof Uint8Array) this.#btfs.push(openBtf(fields['btf']));
    this.#note(names.name, call, showOut(command, fields, result.value, label, around));
    return result;
  }

  #around(names: TaskNames): Surroundings {
    return {
      numbering: this.#numbering,
      maps: this.#maps,
      btfs: this.#btfs,
      fd: (fd) => names.fd(fd),
      pid: (pid) => this.#pids.get(pid) ?? this.#numbering.of('pid', pid),
      address: (address) => this.#anyAddress(address),
    };
  }

  /** Records tell addresses of tasks that are not the reader's. */
  #anyAddress(address: number): string {
    for (const task of this.#tasks.toReversed()) {
      const name = task.address(address);
      if (name !== undefined) return name;
    }
    return 'an address';
  }

  async #ringbuf(task: Task, names: TaskNames, mapFd: number): Promise<BpfResult<RingBuffer>> {
    const map = names.fd(mapFd);
    const call = `ringbuf(${map})`;
    const result = await task.ringbuf(mapFd);
    this.#note(names.name, call, result.ok ? 'mapped' : errnoName(result.errno));
    if (!result.ok) return result;
    return { ok: true, value: this.#recordRing(result.value, names, map) };
  }

  #recordRing(ring: RingBuffer, names: TaskNames, map: string): RingBuffer {
    const note = (records: readonly Uint8Array[]): void => {
      const around = this.#around(names);
      const shown = records.map((record) => showRecord(map.replace(/^map /, ''), record, around));
      this.#note(names.name, `consume(${map})`, `[${shown.join(', ')}]`);
    };
    return {
      consume: async () => {
        const records = await ring.consume();
        note(records);
        return records;
      },
      drain: async (visit) => {
        const records: Uint8Array[] = [];
        const count = await ring.drain((area, offset, length) => {
          records.push(area.slice(offset, offset + length));
          visit(area, offset, length);
        });
        note(records);
        return count;
      },
      wait: (timeout) => ring.wait(timeout),
      stats: () => ring.stats(),
      close: () => ring.close(),
    };
  }
}

/** The verifier's last word, without its statistics. */
function complaint(log: string | undefined): string {
  const lines = (log ?? '').split('\n').filter((line) => line !== '' && !STATISTICS.test(line));
  const last = lines.at(-1);
  return last === undefined ? '' : `: ${last}`;
}
const STATISTICS = /^(?:processed \d+ insns|verification time|stack depth|peak_states)/;
