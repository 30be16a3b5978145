import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { BPF_F, BPF_MAP_TYPE, BPF_PROG_TYPE, CAP, errnoName } from '../../abi/index.ts';
import type { BpfCommand, BpfCommands } from '../../kernel/bpf.ts';
import { bpf } from '../bpf.ts';
import type { Executor } from '../executor.ts';
import { type Libc, LinuxUnavailableError, openLibc } from '../libc.ts';
import { SYS } from '../numbers.ts';

/** This machine's own kernel for tests, or why they cannot have it. */
type Host = { readonly libc: Libc } | { readonly missing: string };

async function findHost(): Promise<Host> {
  try {
    const libc = await openLibc();
    const map = bpf(libc, 'MAP_CREATE', { ...ARRAY, maxEntries: 1 });
    if (!map.ok) return { missing: `bpf(2) refuses to make a map: ${map.reason}` };
    libc.syscall(SYS.close, map.value);
    if (!isPrivileged())
      return { missing: 'CAP_SYS_ADMIN is not among the effective capabilities' };
    if (!isRootMounted())
      return { missing: 'the root directory is no mount point, as in a chroot(8)' };
    return { libc };
  } catch (error) {
    if (error instanceof LinuxUnavailableError) return { missing: error.message };
    throw error;
  }
}

function isPrivileged(): boolean {
  const [, mask = '0'] = /^CapEff:\s*(\w+)/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return (BigInt(`0x${mask}`) >> BigInt(CAP.SYS_ADMIN)) % 2n === 1n;
}

/** Mounts of a task's own begin at its root, which must be a mount point for that. */
const isRootMounted = (): boolean =>
  readFileSync('/proc/self/mountinfo', 'latin1')
    .split('\n')
    .some((line) => line.split(' ')[4] === '/');

/** A number that no test opens. */
export const CLOSED = 900;

/** Whether this kernel has BPF tokens (Linux 6.9): only then does it look at the descriptor. */
export const knowsTokens = (executor: Executor): boolean =>
  refusal(executor, 'TOKEN_CREATE', { bpffsFd: CLOSED }).errno === 'EBADF';

/** Whether pins can be named from a directory's descriptor (Linux 6.5). */
export const knowsPathFd = (executor: Executor): boolean =>
  refusal(executor, 'OBJ_GET', { pathname: 'x', pathFd: CLOSED, fileFlags: BPF_F.PATH_FD })
    .errno === 'EBADF';

export const ARRAY = { mapType: BPF_MAP_TYPE.ARRAY, keySize: 4, valueSize: 8 } as const;

const host = await findHost();
if ('missing' in host)
  process.stderr.write(`Tests of src/linux make no calls to this kernel: ${host.missing}\n`);

/**
 * A test on this machine's own kernel. Nothing is attached and nothing stays. Where the machine does not allow that, it
 * is a test that says so.
 */
export function onLinux(
  name: string,
  run: (libc: Libc, scope: Scope) => Promise<void> | void,
): void {
  it(name, async () => {
    if ('missing' in host) return expect(host.missing).not.toBe('');
    const scope = new Scope(host.libc);
    try {
      await run(host.libc, scope);
    } finally {
      scope.close();
    }
  });
}

/** @throws Error when the kernel refuses. */
export function must<C extends BpfCommand>(
  executor: Executor,
  command: C,
  attr: BpfCommands[C]['attr'],
): BpfCommands[C]['out'] {
  const result = bpf(executor, command, attr);
  if (result.ok) return result.value;
  throw new Error(`${command}: ${errnoName(result.errno)}: ${result.reason}`);
}

/** What a refusal says: errno by name, and the reason. */
export function refusal<C extends BpfCommand>(
  executor: Executor,
  command: C,
  attr: BpfCommands[C]['attr'],
): { readonly errno: string; readonly reason: string; readonly log?: string } {
  const result = bpf(executor, command, attr);
  if (result.ok) throw new Error(`${command} was not refused`);
  return { ...result, errno: errnoName(result.errno) };
}

/** Descriptors that are closed when the test is over. */
export class Scope {
  readonly #executor: Executor;
  readonly #fds: number[] = [];

  constructor(executor: Executor) {
    this.#executor = executor;
  }

  own(fd: number): number {
    this.#fds.push(fd);
    return fd;
  }

  map(attr: Partial<BpfCommands['MAP_CREATE']['attr']> = {}): number {
    return this.own(must(this.#executor, 'MAP_CREATE', { ...ARRAY, maxEntries: 4, ...attr }));
  }

  /** A program of a type that needs nothing to run. */
  program(insns: Uint8Array, attr: Partial<BpfCommands['PROG_LOAD']['attr']> = {}): number {
    const progType = BPF_PROG_TYPE.SOCKET_FILTER;
    return this.own(
      must(this.#executor, 'PROG_LOAD', { progType, insns, license: 'GPL', ...attr }),
    );
  }

  close(): void {
    for (const fd of this.#fds.splice(0)) this.#executor.syscall(SYS.close, fd);
  }
}

/** 32-bit integers in memory, little endian. */
export const u32s = (...values: number[]): Uint8Array =>
  new Uint8Array(new Uint32Array(values).buffer);
