import { AF, parseIpv4, parseIpv6 } from '../abi/index.ts';
import type { SocketAddress } from './syscalls.ts';

/** `sizeof(struct sockaddr)`. */
const SOCKADDR_BYTES = 16;
/** `sizeof(struct sockaddr_in6)`. */
export const SOCKADDR_IN6_BYTES = 28;

/**
 * The bytes of the `struct sockaddr` that an address stands for.
 * @throws TypeError when the text is no address of its family or the port does not fit 16 bits.
 */
export function sockaddrBytes(address: SocketAddress): Uint8Array {
  if (address.family === 'AF_UNSPEC') return new Uint8Array(SOCKADDR_BYTES);
  const v6 = address.family === 'AF_INET6';
  const host = v6 ? parseIpv6(address.address) : parseIpv4(address.address);
  if (host === undefined) throw new TypeError(`${address.address} is no ${address.family} address`);
  if (!Number.isInteger(address.port) || address.port < 0 || address.port > 65535)
    throw new TypeError(`port ${address.port} does not fit 16 bits`);
  const bytes = new Uint8Array(v6 ? SOCKADDR_IN6_BYTES : SOCKADDR_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, v6 ? AF.INET6 : AF.INET, true);
  view.setUint16(2, address.port);
  bytes.set(host, v6 ? 8 : 4);
  if (address.family === 'AF_INET6') view.setUint32(24, address.scopeId ?? 0, true);
  return bytes;
}
