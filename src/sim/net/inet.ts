import { AF, CAP, ERRNO, IPPROTO } from '../../abi/index.ts';
import type { Core } from '../task/core.ts';
import type { Tasks } from '../task/tasks.ts';
import {
  SIN6_LEN_RFC2133,
  endpointOf,
  isAny,
  mappedV4,
  reachV4,
  reachV6,
  toMapped,
  type Endpoint,
} from './address.ts';
import { Ports } from './ports.ts';
import { SS, TCP, type Socket } from './socket.ts';

const {
  EACCES,
  EADDRINUSE,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EAGAIN,
  ECONNREFUSED,
  EINVAL,
  EISCONN,
  ENETUNREACH,
  EOPNOTSUPP,
  ETIMEDOUT,
} = ERRNO;

/** net.ipv4.ip_unprivileged_port_start. */
const UNPRIVILEGED_PORTS = 1024;
const ANY_V4 = new Uint8Array(4);
const ANY_V6 = new Uint8Array(16);
const LOOPBACK_V4 = Uint8Array.of(127, 0, 0, 1);
const ETH0_V4 = Uint8Array.of(10, 0, 2, 15);
const LOOPBACK_V6 = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);

/** What IPv4 and IPv6 sockets do (net/ipv4/af_inet.c, net/ipv6/af_inet6.c and below). */
export class Inet {
  readonly #core: Core;
  readonly #tasks: Tasks;
  readonly #tcp = new Ports();
  readonly #udp = new Ports();

  constructor(core: Core, tasks: Tasks) {
    this.#core = core;
    this.#tasks = tasks;
  }

  /** inet_bind_sk(), inet6_bind_sk(). */
  bind(socket: Socket, bytes: Uint8Array): number {
    const to = endpointOf(bytes);
    const wrong = socket.isV6 ? this.#checkBindV6(socket, to, bytes.length) : checkBindV4(to);
    if (wrong < 0) return wrong;
    if (this.#needsPrivilege(to.port) && !this.#tasks.current.capable(CAP.NET_BIND_SERVICE))
      return this.#core.lsm.deniedByDac(`ports below ${UNPRIVILEGED_PORTS} are privileged`, EACCES);
    if (socket.sk.skc_state !== TCP.CLOSE || socket.port !== 0) return -EINVAL;
    if (socket.isV6 && mappedV4(to.address) !== undefined && socket.sk.skc_ipv6only === 1)
      return -EINVAL;
    const unknown = socket.isV6 ? unavailableV6(to.address) : false;
    if (unknown) return -EADDRNOTAVAIL;
    setLocal(socket, to.address);
    if (!this.#takePort(socket, to.port)) {
      setLocal(socket, socket.isV6 ? ANY_V6 : ANY_V4);
      return -EADDRINUSE;
    }
    socket.bound = { address: !isAny(to.address), port: to.port !== 0 };
    return 0;
  }

  #checkBindV6(socket: Socket, to: Endpoint, length: number): number {
    if (length < SIN6_LEN_RFC2133) return -EINVAL;
    if (to.family !== AF.INET6) return -EAFNOSUPPORT;
    return to.address[0] === 0xff && socket.isStream ? -EINVAL : 0;
  }

  #needsPrivilege(port: number): boolean {
    return port !== 0 && port < UNPRIVILEGED_PORTS;
  }

  /** listen(2) below the hook. */
  listen(socket: Socket, backlog: number): number {
    if (!socket.isStream) return -EOPNOTSUPP;
    const { sk } = socket;
    if (socket.s.state !== SS.UNCONNECTED) return -EINVAL;
    if (sk.skc_state !== TCP.CLOSE && sk.skc_state !== TCP.LISTEN) return -EINVAL;
    sk.sk_max_ack_backlog = backlog >>> 0;
    if (sk.skc_state === TCP.LISTEN) return 0;
    if (socket.port === 0 ? !this.#takePort(socket, 0) : this.#tcp.conflicts(socket, socket.port))
      return -EADDRINUSE;
    sk.skc_state = TCP.LISTEN;
    return 0;
  }

  /** inet_stream_connect(), inet_dgram_connect(). */
  connect(socket: Socket, bytes: Uint8Array): number {
    const to = endpointOf(bytes);
    if (to.family === AF.UNSPEC) {
      this.#disconnect(socket);
      return 0;
    }
    return socket.isStream
      ? this.#connectTcp(socket, to, bytes.length)
      : this.#connectUdp(socket, to, bytes.length);
  }

  #connectTcp(socket: Socket, to: Endpoint, length: number): number {
    if (socket.s.state === SS.CONNECTED || socket.sk.skc_state !== TCP.CLOSE) return -EISCONN;
    if (socket.isV6 && length < SIN6_LEN_RFC2133) return -EINVAL;
    if (to.family !== socket.sk.skc_family) return -EAFNOSUPPORT;
    const error = this.#startTcp(socket, to);
    // Whatever failed, the socket can be used again.
    if (error < 0) this.#disconnect(socket);
    else {
      socket.s.state = SS.CONNECTED;
      socket.sk.skc_state = TCP.ESTABLISHED;
    }
    return error;
  }

  #startTcp(socket: Socket, to: Endpoint): number {
    const target = this.#route(socket, to);
    if (typeof target === 'number') return target;
    if (target.reach !== 'local' && target.reach !== 'remote') return -ENETUNREACH;
    this.#aim(socket, target, to.port);
    if (socket.port === 0 && !this.#takePort(socket, 0)) return -EADDRNOTAVAIL;
    if (target.reach === 'remote') return -ETIMEDOUT;
    const listener = this.#tcp.listener(target.address, to.port);
    return listener === undefined ? -ECONNREFUSED : 0;
  }

  #connectUdp(socket: Socket, to: Endpoint, length: number): number {
    if (socket.port === 0 && !this.#takePort(socket, 0)) return -EAGAIN;
    const asV4 = socket.isV6 && to.family === AF.INET;
    if (asV4 && socket.sk.skc_ipv6only === 1) return -EAFNOSUPPORT;
    if (socket.isV6 && !asV4 && length < SIN6_LEN_RFC2133) return -EINVAL;
    if (!asV4 && to.family !== socket.sk.skc_family) return -EAFNOSUPPORT;
    const target = this.#route(socket, asV4 ? { ...to, address: toMapped(to.address) } : to);
    if (typeof target === 'number') return target;
    if (target.reach === 'unreachable') return -ENETUNREACH;
    // Broadcast is for sockets with SO_BROADCAST.
    if (target.reach === 'broadcast') return -EACCES;
    this.#aim(socket, target, to.port);
    socket.sk.skc_state = TCP.ESTABLISHED;
    socket.s.state = SS.CONNECTED;
    return 0;
  }

  /** Where the packets would go: the unspecified address means this machine. */
  #route(socket: Socket, to: Endpoint): Target | number {
    if (!socket.isV6) {
      const address = isAny(to.address) ? LOOPBACK_V4 : to.address;
      return { v4: true, address, reach: reachV4(address) };
    }
    const v4 = mappedV4(to.address);
    if (v4 !== undefined) {
      if (socket.sk.skc_ipv6only === 1) return -ENETUNREACH;
      const address = isAny(v4) ? LOOPBACK_V4 : v4;
      return { v4: true, address, reach: reachV4(address) };
    }
    const boundV4 = mappedV4(socket.localV6);
    if (isAny(to.address) && boundV4 !== undefined)
      return { v4: true, address: LOOPBACK_V4, reach: 'local' };
    const address = isAny(to.address) ? LOOPBACK_V6 : to.address;
    // A link-local address says nothing without its link.
    if (address[0] === 0xfe && ((address[1] ?? 0) & 0xc0) === 0x80 && to.scopeId === 0)
      return -EINVAL;
    return { v4: false, address, reach: reachV6(address) };
  }

  /** Writes the peer, and the local address that the route gives where none was bound. */
  #aim(socket: Socket, { v4, address, reach }: Target, port: number): void {
    if (!v4) {
      socket.setPeer(ANY_V4, address, port);
      if (isAny(socket.localV6)) socket.localV6 = address;
      return;
    }
    const own = reach === 'local' ? address : ETH0_V4;
    socket.setPeer(address, socket.isV6 ? toMapped(address) : undefined, port);
    if (isAny(socket.localV4)) socket.localV4 = own;
    if (socket.isV6 && isAny(socket.localV6)) socket.localV6 = toMapped(own);
  }

  /** tcp_disconnect(), udp_disconnect(): back to the state after bind(2). */
  #disconnect(socket: Socket): void {
    socket.sk.skc_state = TCP.CLOSE;
    socket.s.state = SS.UNCONNECTED;
    socket.setPeer(ANY_V4, socket.isV6 ? ANY_V6 : undefined, 0);
    if (!socket.bound.address) {
      socket.localV4 = ANY_V4;
      if (socket.isV6) socket.localV6 = ANY_V6;
    }
    if (!socket.bound.port) this.unbind(socket);
  }

  #takePort(socket: Socket, wanted: number): boolean {
    const ports = this.#portsOf(socket);
    const port = wanted === 0 ? ports.ephemeral(socket) : wanted;
    if (port === undefined || (wanted !== 0 && ports.conflicts(socket, port))) return false;
    socket.port = port;
    ports.add(socket);
    return true;
  }

  /** Gives the port back. */
  unbind(socket: Socket): void {
    this.#portsOf(socket).remove(socket);
    socket.port = 0;
  }

  #portsOf(socket: Socket): Ports {
    return socket.sk.sk_protocol === IPPROTO.TCP ? this.#tcp : this.#udp;
  }
}

interface Target {
  readonly v4: boolean;
  readonly address: Uint8Array;
  readonly reach: ReturnType<typeof reachV4>;
}

function checkBindV4(to: Endpoint): number {
  // AF_UNSPEC passes for AF_INET when it names no address, for old programs.
  if (to.family !== AF.INET && !(to.family === AF.UNSPEC && isAny(to.address)))
    return -EAFNOSUPPORT;
  return ['local', 'multicast', 'broadcast'].includes(reachV4(to.address)) ? 0 : -EADDRNOTAVAIL;
}

function unavailableV6(address: Uint8Array): boolean {
  const v4 = mappedV4(address);
  if (v4 !== undefined) return !['local', 'multicast', 'broadcast'].includes(reachV4(v4));
  return !['local', 'multicast'].includes(reachV6(address));
}

function setLocal(socket: Socket, address: Uint8Array): void {
  if (!socket.isV6) {
    socket.localV4 = address;
    return;
  }
  socket.localV6 = address;
  socket.localV4 = mappedV4(address) ?? ANY_V4;
}
