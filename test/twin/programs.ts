import {
  BPF_ATTACH_TYPE,
  BPF_MAP_TYPE,
  BPF_PROG_TYPE,
  errnoName,
  HELPERS,
  PROG_LOAD_FLAGS,
} from 'krsi/abi';
import { assemble } from 'krsi/isa';
import type { BpfCommand, BpfCommands, MapCreateAttr, ProgLoadAttr, Task } from 'krsi/kernel';
import type { Machine } from 'krsi/testing';

const helper = (name: string): number | undefined => {
  const index = (HELPERS as readonly string[]).indexOf(name.replace(/^bpf_/, ''));
  return index < 0 ? undefined : index;
};

/** Makes a bpf(2) call that the scenario cannot go on without. */
export async function must<C extends BpfCommand>(
  task: Task,
  command: C,
  attr: BpfCommands[C]['attr'],
): Promise<BpfCommands[C]['out']> {
  const result = await task.bpf(command, attr);
  if (result.ok) return result.value;
  const log = result.log === undefined ? '' : `\n${result.log}`;
  throw new Error(`${command}: ${errnoName(result.errno)}: ${result.reason}${log}`);
}

export interface HookProgram {
  readonly hook: string;
  /** Assembly; ends with `exit`. */
  readonly code: string;
  readonly name?: string;
  readonly license?: string;
  readonly sleepable?: boolean;
  readonly attr?: Partial<ProgLoadAttr>;
}

/** Attributes that load an LSM program written in assembly. */
export async function lsmProgram(
  { btf }: Pick<Machine, 'btf'>,
  { hook, code, name, license = 'GPL', sleepable = false, attr = {} }: HookProgram,
): Promise<ProgLoadAttr> {
  const attachBtfId = (await btf()).find(`bpf_lsm_${hook}`, 'func') ?? 0;
  return {
    progType: BPF_PROG_TYPE.LSM,
    expectedAttachType: BPF_ATTACH_TYPE.LSM_MAC,
    insns: assemble(code, { helper }),
    license,
    progName: name ?? hook.slice(0, 15),
    attachBtfId,
    ...(sleepable ? { progFlags: PROG_LOAD_FLAGS.SLEEPABLE } : {}),
    ...attr,
  };
}

export const loadHook = async (
  machine: Machine,
  task: Task,
  program: HookProgram,
): Promise<number> => must(task, 'PROG_LOAD', await lsmProgram(machine, program));

/** Loads a program, attaches it and lets go of its own descriptor. @returns the descriptor of the link. */
export async function attachHook(
  machine: Machine,
  task: Task,
  program: HookProgram,
): Promise<number> {
  const progFd = await loadHook(machine, task, program);
  const linkFd = await must(task, 'RAW_TRACEPOINT_OPEN', { progFd });
  await task.call('close', progFd);
  return linkFd;
}

/** A hook that gives the same result for each call. */
export const always = (hook: string, result: number, name?: string): HookProgram => ({
  hook,
  code: `r0 = ${result}\nexit`,
  ...(name === undefined ? {} : { name }),
});

/**
 * A hook that gives `result` to the processes whose id is in slot 0 of the array, and stays out of the way of all
 * others: also of the process that runs the scenario.
 */
export const onlyFor = (
  arrayFd: number,
  hook: string,
  result: number,
  name?: string,
): HookProgram => ({
  hook,
  code: `${ifSubject(arrayFd)}
    r0 = ${result}
    exit
    other: r0 = 0
    exit`,
  ...(name === undefined ? {} : { name }),
});

/** Goes on for the process in slot 0 of the array, to `other` for the rest. r6 keeps the context. */
export const ifSubject = (arrayFd: number): string => `
    r6 = r1
    *(u32 *)(r10 - 4) = 0
    r2 = r10
    r2 += -4
    r1 = map[fd:${arrayFd}]
    call bpf_map_lookup_elem
    if r0 == 0 goto other
    r7 = *(u32 *)(r0 + 0)
    call bpf_get_current_pid_tgid
    r0 >>= 32
    if r0 != r7 goto other`;

export const u32 = (value: number): Uint8Array =>
  Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24);
export const u64 = (value: bigint): Uint8Array =>
  new Uint8Array(new BigUint64Array([value]).buffer);

export const makeMap = (
  task: Task,
  type: keyof typeof BPF_MAP_TYPE,
  attr: Partial<MapCreateAttr> = {},
): Promise<number> =>
  must(task, 'MAP_CREATE', {
    mapType: BPF_MAP_TYPE[type],
    keySize: 4,
    valueSize: 4,
    maxEntries: 1,
    mapName: type.toLowerCase().slice(0, 15),
    ...attr,
  });

/** An array of one slot that holds the id of the process which programs made by {@link onlyFor} look for. */
export async function subjectMap(task: Task, subject: Task): Promise<number> {
  const mapFd = await makeMap(task, 'ARRAY', { mapName: 'subject' });
  await must(task, 'MAP_UPDATE_ELEM', { mapFd, key: u32(0), value: u32(subject.pid) });
  return mapFd;
}
