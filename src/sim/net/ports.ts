import { isAny, mappedV4 } from './address.ts';
import { TCP, type Socket } from './socket.ts';

/** net.ipv4.ip_local_port_range. */
const EPHEMERAL = { first: 32768, last: 60999 } as const;

/** The sockets bound to ports, of one transport protocol. */
export class Ports {
  readonly #bound = new Set<Socket>();
  #next: number = EPHEMERAL.first;

  add(socket: Socket): void {
    this.#bound.add(socket);
  }

  remove(socket: Socket): void {
    this.#bound.delete(socket);
  }

  /** Whether another socket has the port at an address that overlaps. */
  conflicts(socket: Socket, port: number): boolean {
    for (const other of this.#bound)
      if (other !== socket && other.port === port && overlap(socket, other)) return true;
    return false;
  }

  /** A free port of the ephemeral range, in turn; undefined when all are taken. */
  ephemeral(socket: Socket): number | undefined {
    const count = EPHEMERAL.last - EPHEMERAL.first + 1;
    for (let i = 0; i < count; i++) {
      const port = this.#next;
      this.#next = port === EPHEMERAL.last ? EPHEMERAL.first : port + 1;
      if (!this.conflicts(socket, port)) return port;
    }
    return undefined;
  }

  /** The listening socket that a connection to this place reaches. */
  listener(address: Uint8Array, port: number): Socket | undefined {
    for (const socket of this.#bound)
      if (socket.sk.skc_state === TCP.LISTEN && socket.port === port && takes(socket, address))
        return socket;
    return undefined;
  }
}

/** The address as both families see it: IPv4 where it is one. */
const localOf = (socket: Socket): Uint8Array => {
  if (!socket.isV6) return socket.localV4;
  return mappedV4(socket.localV6) ?? socket.localV6;
};

function overlap(a: Socket, b: Socket): boolean {
  const left = localOf(a);
  const right = localOf(b);
  if (left.length === right.length)
    return isAny(left) || isAny(right) || left.every((byte, i) => byte === right[i]);
  // Only an IPv6 socket bound to `::` takes IPv4 as well.
  const v6 = left.length === 16 ? a : b;
  return isAny(v6.localV6) && v6.sk.skc_ipv6only === 0;
}

function takes(socket: Socket, address: Uint8Array): boolean {
  const local = localOf(socket);
  if (isAny(local)) return local.length === address.length || local.length === 16;
  return local.length === address.length && local.every((byte, i) => byte === address[i]);
}
