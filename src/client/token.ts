import { BPF_F, O } from '../abi/index.ts';
import type { BpfCommand, BpfCommands, BpfResult, Kernel, Task } from '../kernel/index.ts';
import { BpfError } from './errors.ts';
import { bpf } from './fds.ts';

type Attr<C extends BpfCommand> = BpfCommands[C]['attr'];

/** How each command that makes an object takes a token; others take none. */
const TAKES_TOKEN: {
  readonly [C in BpfCommand]?: (attr: Attr<C>, tokenFd: number) => Attr<C>;
} = {
  MAP_CREATE: (attr, mapTokenFd) => ({
    ...attr,
    mapTokenFd,
    mapFlags: (attr.mapFlags ?? 0) | BPF_F.TOKEN_FD,
  }),
  PROG_LOAD: (attr, progTokenFd) => ({
    ...attr,
    progTokenFd,
    progFlags: (attr.progFlags ?? 0) | BPF_F.TOKEN_FD,
  }),
  BTF_LOAD: (attr, btfTokenFd) => ({ ...attr, btfTokenFd }),
};

/**
 * The task as it makes maps, programs and BTF by the rights of a BPF token (Linux 6.9): where the token does not allow
 * what is asked, the kernel judges as if there were none.
 */
export function withToken(task: Task, tokenFd: number): Task {
  const take = <C extends BpfCommand>(command: C, attr: Attr<C>): Attr<C> =>
    TAKES_TOKEN[command]?.(attr, tokenFd) ?? attr;
  return {
    pid: task.pid,
    call: (name, ...args) => task.call(name, ...args),
    fork: () => task.fork(),
    ringbuf: (mapFd) => task.ringbuf(mapFd),
    exit: (status) => task.exit(status),
    bpf: <C extends BpfCommand>(
      command: C,
      attr: Attr<C>,
    ): Promise<BpfResult<BpfCommands[C]['out']>> => task.bpf(command, take(command, attr)),
  };
}

/**
 * A token from a bpffs that delegates to the user namespace of `kernel.self`.
 * @param bpffs path of its root directory.
 * @returns the token's descriptor, for {@link LoadOptions.tokenFd}.
 * @throws BpfError with the errno of open(2) or of TOKEN_CREATE.
 */
export async function createToken({ self }: Kernel, bpffs: string): Promise<number> {
  const bpffsFd = await self.call('open', bpffs, O.RDONLY | O.DIRECTORY | O.CLOEXEC);
  if (bpffsFd < 0)
    throw new BpfError({ command: 'TOKEN_CREATE', errno: -bpffsFd, reason: '' }, bpffs);
  try {
    return await bpf(self, 'TOKEN_CREATE', { bpffsFd }, bpffs);
  } finally {
    await self.call('close', bpffsFd);
  }
}
