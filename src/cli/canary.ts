import { AF, BPF_ATTACH_TYPE, BPF_PROG_TYPE, ERRNO, errnoName, SOCK } from '../abi/index.ts';
import { readBtf } from '../btf/index.ts';
import { assemble } from '../isa/index.ts';
import type { BpfResult, Kernel, Task } from '../kernel/index.ts';

/** Whether this machine enforces what BPF LSM programs decide. */
export type Canary =
  | { readonly verdict: 'enforcing' }
  | { readonly verdict: 'not enforcing'; readonly why: string }
  | { readonly verdict: 'could not tell'; readonly why: string };

const HOOK = 'socket_create';

/** Two 64-bit words of the 16 bytes of a task's name. */
function words(comm: string): readonly [low: bigint, high: bigint] {
  const bytes = new Uint8Array(16);
  bytes.set(new TextEncoder().encode(comm).subarray(0, 15));
  const view = new DataView(bytes.buffer);
  return [view.getBigUint64(0, true), view.getBigUint64(8, true)];
}

/** Denies sockets to the task of this name, and to no other. By name, since a pid has another number in a container. */
function program(comm: string): Uint8Array {
  const [low, high] = words(comm);
  return assemble(`
    r1 = r10
    r1 += -16
    r2 = 16
    call bpf_get_current_comm#16
    r1 = *(u64 *)(r10 -16)
    r2 = ${low} ll
    if r1 != r2 goto allow
    r1 = *(u64 *)(r10 -8)
    r2 = ${high} ll
    if r1 != r2 goto allow
    r0 = -${ERRNO.EPERM}
    exit
    allow: r0 = 0
    exit`);
}

const unknown = (why: string): Canary => ({ verdict: 'could not tell', why });

function refused(what: string, result: Extract<BpfResult<number>, { ok: false }>): Canary {
  const log = result.log?.trim() ?? '';
  const name = errnoName(result.errno);
  if (log !== '') return unknown(`${what} is refused: ${name}: ${result.reason}`);
  return unknown(`${what} is refused: ${name}, without a word from the verifier`);
}

/** @returns a descriptor that is closed again, or a negative errno. */
async function tryOperation(task: Task): Promise<number> {
  const result = await task.call('socket', AF.INET, SOCK.DGRAM, 0);
  if (result >= 0) await task.call('close', result);
  return result;
}

async function watch(task: Task, attachBtfId: number, comm: string): Promise<Canary> {
  const before = await tryOperation(task);
  if (before < 0)
    return unknown(`the operation that the canary denies already fails: ${errnoName(before)}`);
  const loaded = await task.bpf('PROG_LOAD', {
    progType: BPF_PROG_TYPE.LSM,
    expectedAttachType: BPF_ATTACH_TYPE.LSM_MAC,
    attachBtfId,
    insns: program(comm),
    license: 'GPL',
    progName: 'krsi_canary',
  });
  if (!loaded.ok) return refused('loading a program for an LSM hook', loaded);
  const attr = { progFd: loaded.value, attachType: BPF_ATTACH_TYPE.LSM_MAC };
  const link = await task.bpf('LINK_CREATE', attr);
  if (!link.ok) return refused('attaching to an LSM hook', link);
  const during = await tryOperation(task);
  await task.call('close', link.value);
  const after = await tryOperation(task);
  if (during >= 0)
    return {
      verdict: 'not enforcing',
      why: 'a program was attached that denies an operation, and the operation succeeded all the same',
    };
  if (during !== -ERRNO.EPERM || after < 0)
    return unknown(
      `the denied operation failed with ${errnoName(during)}, and after the canary it ` +
        (after < 0 ? `still fails with ${errnoName(after)}` : 'succeeds'),
    );
  return { verdict: 'enforcing' };
}

/**
 * Attaches a program that denies one harmless operation (a UDP socket) to a child of ours alone, watches it fail
 * there, and detaches. Everything belongs to the child: should it die, the program is gone with it.
 */
export async function runCanary(kernel: Kernel): Promise<Canary> {
  const id = readBtf(await kernel.btf(), { file: 'vmlinux' }).find(`bpf_lsm_${HOOK}`, 'func');
  if (id === undefined) return unknown(`the kernel's BTF has no LSM hook ${HOOK}`);
  const comm = `krsi${Math.random().toString(16).slice(2, 13).padEnd(11, '0')}`;
  const task = await kernel.spawn({ comm });
  try {
    return await watch(task, id, comm);
  } finally {
    await task.exit();
  }
}
