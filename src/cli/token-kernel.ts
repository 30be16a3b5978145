import { BPF_F, ERRNO, errnoText, O } from '../abi/index.ts';
import type { BpfCommand, BpfCommands, Kernel, Task } from '../kernel/index.ts';
import { UsageError } from './context.ts';

type Attr<C extends BpfCommand> = BpfCommands[C]['attr'];

/** The attributes of commands that take a token, with it; others as they are. */
function withToken<C extends BpfCommand>(command: C, attr: Attr<C>, token: number): Attr<C> {
  if (command === 'BTF_LOAD') return { ...attr, btfTokenFd: token };
  if (command === 'MAP_CREATE') {
    const { mapFlags = 0 } = attr as Attr<'MAP_CREATE'>;
    return { ...attr, mapTokenFd: token, mapFlags: mapFlags | BPF_F.TOKEN_FD };
  }
  if (command !== 'PROG_LOAD') return attr;
  const { progFlags = 0 } = attr as Attr<'PROG_LOAD'>;
  return { ...attr, progTokenFd: token, progFlags: progFlags | BPF_F.TOKEN_FD };
}

function tokenTask(task: Task, token: number): Task {
  return {
    pid: task.pid,
    bpf: (command, attr) => task.bpf(command, withToken(command, attr, token)),
    call: (name, ...args) => task.call(name, ...args),
    fork: () => task.fork(),
    ringbuf: (mapFd) => task.ringbuf(mapFd),
    exit: (status) => task.exit(status),
  };
}

/** Errnos of TOKEN_CREATE that have one meaning each (bpf_token_create, kernel/bpf/token.c). */
const WHY: Readonly<Record<number, string>> = {
  [ERRNO.EOPNOTSUPP]: 'none are made in the initial user namespace, where capabilities do',
  [ERRNO.ENOENT]: 'this bpffs delegates nothing: see krsi token show',
  [ERRNO.EINVAL]: 'this is not the root of a bpffs, or the kernel has no tokens (Linux 6.9)',
};

/**
 * The kernel as it answers to who has a token of a bpffs: maps, programs and BTF are made with it.
 * @param bpffs root of a bpffs that delegates to this task's user namespace.
 * @throws UsageError when no token can be had.
 */
export async function kernelWithToken(kernel: Kernel, bpffs: string): Promise<Kernel> {
  const { self } = kernel;
  const folder = await self.call('open', bpffs, O.RDONLY | O.DIRECTORY);
  if (folder < 0) throw new UsageError(`--token ${bpffs}: ${errnoText(folder)}`);
  const token = await self.bpf('TOKEN_CREATE', { bpffsFd: folder });
  await self.call('close', folder);
  if (token.ok) return { ...kernel, self: tokenTask(self, token.value) };
  throw new UsageError(`--token ${bpffs}: no token: ${WHY[token.errno] ?? token.reason}`);
}
