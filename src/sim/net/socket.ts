import { AF, SOCK } from '../../abi/index.ts';
import type { Offset } from '../mem/memory.ts';
import type { Struct } from '../mem/structs.ts';
import type { File } from '../fs/file.ts';
import type { Core } from '../task/core.ts';

export const SS = { UNCONNECTED: 1, CONNECTING: 2, CONNECTED: 3 } as const;
export const TCP = { ESTABLISHED: 1, SYN_SENT: 2, CLOSE: 7, LISTEN: 10 } as const;

/** `struct socket` and the `struct sock` behind it; the latter is the start of tcp_sock, udp6_sock and so on. */
export class Socket {
  readonly s: Struct<'socket'>;
  readonly sk: Struct<'sock'>;
  readonly inet: Struct<'inet_sock'>;
  /** Whether bind(2) chose the address and the port: disconnecting keeps those. */
  bound = { address: false, port: false };
  readonly #core: Core;

  constructor(core: Core, s: Struct<'socket'>, sk: Struct<'sock'>) {
    this.#core = core;
    this.s = s;
    this.sk = sk;
    this.inet = core.structs.inet_sock.at(sk.addr);
  }

  get addr(): Offset {
    return this.s.addr;
  }

  get isStream(): boolean {
    return this.s.type === SOCK.STREAM;
  }

  get isV6(): boolean {
    return this.sk.skc_family === AF.INET6;
  }

  get port(): number {
    return this.sk.skc_num;
  }

  set port(port: number) {
    this.sk.skc_num = port;
    this.inet.inet_sport = swap16(port);
  }

  /** The IPv4 address it is bound to. */
  get localV4(): Uint8Array {
    return this.#bytes('skc_rcv_saddr', 4);
  }

  set localV4(address: Uint8Array) {
    this.#write('skc_rcv_saddr', address);
    const { mem, structs } = this.#core;
    mem.u8.set(address, structs.inet_sock.fields.inet_saddr.at(this.sk.addr));
  }

  /** The IPv6 address it is bound to. */
  get localV6(): Uint8Array {
    return this.#bytes('skc_v6_rcv_saddr', 16);
  }

  set localV6(address: Uint8Array) {
    this.#write('skc_v6_rcv_saddr', address);
    const { mem, structs } = this.#core;
    const { pinet6 } = this.inet;
    if (pinet6 !== 0) mem.u8.set(address, structs.ipv6_pinfo.fields.saddr.at(pinet6));
  }

  /** Sets the peer; zeros take it away. */
  setPeer(v4: Uint8Array, v6: Uint8Array | undefined, port: number): void {
    this.#write('skc_daddr', v4);
    if (v6 !== undefined) this.#write('skc_v6_daddr', v6);
    this.sk.skc_dport = swap16(port);
  }

  setFile(file: File): void {
    this.s.file = file.addr;
  }

  #bytes(field: 'skc_rcv_saddr' | 'skc_v6_rcv_saddr', length: number): Uint8Array {
    const at = this.#core.structs.sock.fields[field].at(this.sk.addr);
    return this.#core.mem.u8.slice(at, at + length);
  }

  #write(
    field: 'skc_rcv_saddr' | 'skc_v6_rcv_saddr' | 'skc_daddr' | 'skc_v6_daddr',
    bytes: Uint8Array,
  ): void {
    this.#core.mem.u8.set(bytes, this.#core.structs.sock.fields[field].at(this.sk.addr));
  }
}

/** Between host and network order. */
export const swap16 = (port: number): number => ((port & 0xff) << 8) | (port >>> 8);
