import { sockaddrBytes } from '../../kernel/sockaddr.ts';
import type { SocketAddress, Syscalls } from '../../kernel/syscalls.ts';
import { addressText } from '../net/address.ts';
import type { Socket } from '../net/socket.ts';
import type { Call, CallContext } from './context.ts';
import { fileOf } from './file-calls.ts';

type SocketCall = 'socket' | 'bind' | 'connect' | 'listen';

const toward = (_context: CallContext, _fd: number, address: SocketAddress): string =>
  addressText(address);

function withSocket(context: CallContext, fd: number, act: (socket: Socket) => number): number {
  const socket = context.net.of(fileOf(context, fd));
  return typeof socket === 'number' ? socket : act(socket);
}

export const SOCKET_CALLS: { readonly [N in SocketCall]: Call<Parameters<Syscalls[N]>> } = {
  socket: {
    run: ({ net, task }, family, type, protocol) => net.socket(task, family, type, protocol),
  },
  bind: {
    object: toward,
    run: (context, fd, address) =>
      withSocket(context, fd, (socket) => context.net.bind(socket, sockaddrBytes(address))),
  },
  connect: {
    object: toward,
    run: (context, fd, address) =>
      withSocket(context, fd, (socket) => context.net.connect(socket, sockaddrBytes(address))),
  },
  listen: {
    object: (_context, fd) => `fd ${fd}`,
    run: (context, fd, backlog) =>
      withSocket(context, fd, (socket) => context.net.listen(socket, backlog)),
  },
};
