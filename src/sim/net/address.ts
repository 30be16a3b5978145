import { AF, formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from '../../abi/index.ts';
import { SOCKADDR_IN6_BYTES } from '../../kernel/sockaddr.ts';
import type { SocketAddress } from '../../kernel/syscalls.ts';

/** The part of `struct sockaddr_in6` that RFC 2133 has. */
export const SIN6_LEN_RFC2133 = 24;

/** An address as sockets use it: 4 or 16 bytes in network order, the port in host order. */
export interface Endpoint {
  readonly family: number;
  readonly address: Uint8Array;
  readonly port: number;
  readonly scopeId: number;
}

/** Reads a `struct sockaddr` of any family; address and port are zero when it has none. */
export function endpointOf(bytes: Uint8Array): Endpoint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const family = view.getUint16(0, true);
  const v6 = family === AF.INET6 && bytes.length >= SIN6_LEN_RFC2133;
  return {
    family,
    port: view.getUint16(2),
    address: v6 ? bytes.slice(8, 24) : bytes.slice(4, 8),
    scopeId: v6 && bytes.length >= SOCKADDR_IN6_BYTES ? view.getUint32(24, true) : 0,
  };
}

/** `192.0.2.1:80`, `[2001:db8::1]:80`, `AF_UNSPEC`. */
export function addressText(address: SocketAddress): string {
  if (address.family === 'AF_UNSPEC') return 'AF_UNSPEC';
  const v6 = address.family === 'AF_INET6';
  const bytes = v6 ? parseIpv6(address.address) : parseIpv4(address.address);
  if (bytes === undefined) return address.address;
  return v6 ? `[${formatIpv6(bytes)}]:${address.port}` : `${formatIpv4(bytes)}:${address.port}`;
}

export const isAny = (address: Uint8Array): boolean => address.every((byte) => byte === 0);
const isBroadcast = (address: Uint8Array): boolean => address.every((byte) => byte === 255);

/** The IPv4 address inside `::ffff:0:0/96`. */
export function mappedV4(address: Uint8Array): Uint8Array | undefined {
  if (address.length !== 16) return undefined;
  const mapped =
    address.subarray(0, 10).every((byte) => byte === 0) &&
    address[10] === 255 &&
    address[11] === 255;
  return mapped ? address.slice(12) : undefined;
}

/** `::ffff:` in front of an IPv4 address. */
export function toMapped(address: Uint8Array): Uint8Array {
  const out = new Uint8Array(16);
  out.fill(255, 10, 12);
  out.set(address, 12);
  return out;
}

/** Where an address leads from this machine: lo, and eth0 with 10.0.2.15/24 and a default route for IPv4 alone. */
export type Reach = 'local' | 'remote' | 'multicast' | 'broadcast' | 'unreachable';

const ETH0 = [10, 0, 2, 15] as const;

export function reachV4(address: Uint8Array): Reach {
  const [a = 0, b = 0, c = 0, d = 0] = address;
  if (isAny(address) || a === 127 || ETH0.every((byte, i) => address[i] === byte)) return 'local';
  if (isBroadcast(address)) return 'broadcast';
  if (a >= 224 && a < 240) return 'multicast';
  const sameNet = a === ETH0[0] && b === ETH0[1] && c === ETH0[2];
  if (sameNet && d === 255) return 'broadcast';
  return a === 0 || a >= 240 ? 'unreachable' : 'remote';
}

export function reachV6(address: Uint8Array): Reach {
  const loopback = address.subarray(0, 15).every((byte) => byte === 0) && address[15] === 1;
  if (isAny(address) || loopback) return 'local';
  return address[0] === 0xff ? 'multicast' : 'unreachable';
}
