import { describe, expect, it } from 'vitest';
import { AF, ERRNO, IPPROTO, O, SOCK } from '../../abi/index.ts';
import { readBtf } from '../../btf/index.ts';
import type { SocketAddress, Syscalls } from '../../kernel/syscalls.ts';
import { shippedBtf, shippedKernels } from '../../node/shipped.ts';
import { bootKernel } from '../kernel.ts';
import { Socket } from '../net/socket.ts';
import type { SpawnOptions } from '../task/tasks.ts';

const kernels = shippedKernels().map((kernel) => ({
  release: kernel.release,
  btf: readBtf(shippedBtf(kernel), { file: kernel.release }),
}));
const E = ERRNO;
const USER: SpawnOptions = { uid: 1000 };
const ROOT: SpawnOptions = {};
const { STREAM, DGRAM } = SOCK;
const v4 = (address: string, port: number): SocketAddress => ({ family: 'AF_INET', address, port });
const v6 = (address: string, port: number, scopeId = 0): SocketAddress => ({
  family: 'AF_INET6',
  address,
  port,
  scopeId,
});
const UNSPEC: SocketAddress = { family: 'AF_UNSPEC' };

type Act = (sys: Syscalls) => number;
const on =
  (
    family: number,
    type: number,
    ...calls: readonly ((sys: Syscalls, fd: number) => number)[]
  ): Act =>
  (sys) => {
    const fd = sys.socket(family, type, 0);
    let result = fd;
    for (const call of calls) result = call(sys, fd);
    return result;
  };
const bind = (to: SocketAddress) => (sys: Syscalls, fd: number) => sys.bind(fd, to);
const connect = (to: SocketAddress) => (sys: Syscalls, fd: number) => sys.connect(fd, to);
const listen = (sys: Syscalls, fd: number): number => sys.listen(fd, 5);
/** Another socket that listens there. */
const server =
  (to: SocketAddress, type: number = STREAM): Act =>
  (sys) =>
    on(
      to.family === 'AF_INET' ? AF.INET : AF.INET6,
      type,
      bind(to),
      type === STREAM ? listen : bind(to),
    )(sys);
const after =
  (first: Act, then: Act): Act =>
  (sys) => {
    first(sys);
    return then(sys);
  };
const tcp4 = on.bind(undefined, AF.INET, STREAM);
const tcp6 = on.bind(undefined, AF.INET6, STREAM);
const udp4 = on.bind(undefined, AF.INET, DGRAM);
const udp6 = on.bind(undefined, AF.INET6, DGRAM);

const ROWS: [name: string, by: SpawnOptions, act: Act, errno: number][] = [
  ['socket: TCP', USER, (s) => s.socket(AF.INET, STREAM, 0), 0],
  ['socket: UDP by name', USER, (s) => s.socket(AF.INET6, DGRAM | SOCK.CLOEXEC, IPPROTO.UDP), 0],
  ['socket: UDP as stream', USER, (s) => s.socket(AF.INET, STREAM, IPPROTO.UDP), E.EPROTONOSUPPORT],
  ['socket: an unknown family', USER, (s) => s.socket(45, STREAM, 0), E.EAFNOSUPPORT],
  ['socket: a family there is not', USER, (s) => s.socket(99, STREAM, 0), E.EAFNOSUPPORT],
  ['socket: a type there is not', USER, (s) => s.socket(AF.INET, 11, 0), E.EINVAL],
  ['socket: a type IP lacks', USER, (s) => s.socket(AF.INET, SOCK.SEQPACKET, 0), E.ESOCKTNOSUPPORT],
  ['socket: unknown flags', USER, (s) => s.socket(AF.INET, STREAM | 0x100, 0), E.EINVAL],
  ['socket: a protocol out of range', USER, (s) => s.socket(AF.INET, STREAM, 256), E.EINVAL],

  ['bind', USER, tcp4(bind(v4('127.0.0.1', 8080))), 0],
  ['bind to any address and port', USER, tcp4(bind(v4('0.0.0.0', 0))), 0],
  ['bind to eth0', USER, tcp4(bind(v4('10.0.2.15', 8080))), 0],
  ['bind to another host', USER, tcp4(bind(v4('192.0.2.1', 8080))), E.EADDRNOTAVAIL],
  ['bind to a low port', USER, tcp4(bind(v4('0.0.0.0', 80))), E.EACCES],
  ['bind to a low port as root', ROOT, tcp4(bind(v4('0.0.0.0', 80))), 0],
  [
    'bind to a low port with CAP_NET_BIND_SERVICE',
    { uid: 1000, caps: ['CAP_NET_BIND_SERVICE'] },
    tcp4(bind(v4('0.0.0.0', 80))),
    0,
  ],
  ['bind twice', USER, tcp4(bind(v4('0.0.0.0', 8080)), bind(v4('0.0.0.0', 8081))), E.EINVAL],
  [
    'bind where another is',
    USER,
    after(server(v4('127.0.0.1', 8080)), tcp4(bind(v4('0.0.0.0', 8080)))),
    E.EADDRINUSE,
  ],
  [
    'bind beside another',
    USER,
    after(server(v4('127.0.0.1', 8080)), tcp4(bind(v4('127.0.0.2', 8080)))),
    0,
  ],
  [
    'bind of UDP where TCP is',
    USER,
    after(server(v4('127.0.0.1', 8080)), udp4(bind(v4('127.0.0.1', 8080)))),
    0,
  ],
  [
    'bind of IPv4 where :: is',
    USER,
    after(server(v6('::', 8080)), tcp4(bind(v4('127.0.0.1', 8080)))),
    E.EADDRINUSE,
  ],
  [
    'bind of IPv4 where ::1 is',
    USER,
    after(server(v6('::1', 8080)), tcp4(bind(v4('127.0.0.1', 8080)))),
    0,
  ],
  ['bind of a mapped address', USER, tcp6(bind(v6('::ffff:127.0.0.1', 8080))), 0],
  [
    'bind of a mapped address elsewhere',
    USER,
    tcp6(bind(v6('::ffff:192.0.2.1', 80_80))),
    E.EADDRNOTAVAIL,
  ],
  ['bind of IPv6 elsewhere', USER, tcp6(bind(v6('2001:db8::1', 8080))), E.EADDRNOTAVAIL],
  ['bind of TCP to multicast', USER, tcp6(bind(v6('ff02::1', 8080))), E.EINVAL],
  ['bind of an IPv6 socket to sockaddr_in', USER, tcp6(bind(v4('127.0.0.1', 8080))), E.EINVAL],
  ['bind of an IPv4 socket to sockaddr_in6', USER, tcp4(bind(v6('::1', 8080))), E.EAFNOSUPPORT],
  ['bind to AF_UNSPEC', USER, tcp4(bind(UNSPEC)), 0],
  ['bind of a file', USER, (s) => s.bind(s.open('/etc/passwd', 0), v4('0.0.0.0', 0)), E.ENOTSOCK],
  ['bind of nothing', USER, (s) => s.bind(0, v4('0.0.0.0', 0)), E.EBADF],
  ['bind of an O_PATH descriptor', USER, (s) => s.bind(s.open('/etc', O.PATH), UNSPEC), E.EBADF],

  [
    'connect to a listener',
    USER,
    after(server(v4('127.0.0.1', 8080)), tcp4(connect(v4('127.0.0.1', 8080)))),
    0,
  ],
  [
    'connect to a listener on any address',
    USER,
    after(server(v4('0.0.0.0', 8080)), tcp4(connect(v4('127.9.9.9', 8080)))),
    0,
  ],
  [
    'connect to 0.0.0.0 means this host',
    USER,
    after(server(v4('127.0.0.1', 8080)), tcp4(connect(v4('0.0.0.0', 8080)))),
    0,
  ],
  ['connect to nobody', USER, tcp4(connect(v4('127.0.0.1', 8080))), E.ECONNREFUSED],
  [
    'connect to one who is bound and does not listen',
    USER,
    after(tcp4(bind(v4('127.0.0.1', 8080))), tcp4(connect(v4('127.0.0.1', 8080)))),
    E.ECONNREFUSED,
  ],
  ['connect to a host that does not answer', USER, tcp4(connect(v4('192.0.2.1', 80))), E.ETIMEDOUT],
  ['connect of TCP to multicast', USER, tcp4(connect(v4('224.0.0.1', 80))), E.ENETUNREACH],
  ['connect of TCP to broadcast', USER, tcp4(connect(v4('255.255.255.255', 80))), E.ENETUNREACH],
  ['connect of IPv6 without a route', USER, tcp6(connect(v6('2001:db8::1', 80))), E.ENETUNREACH],
  ['connect to ::1', USER, after(server(v6('::1', 8080)), tcp6(connect(v6('::1', 8080)))), 0],
  [
    'connect to :: means this host',
    USER,
    after(server(v6('::', 8080)), tcp6(connect(v6('::', 8080)))),
    0,
  ],
  [
    'connect of IPv4 to a listener on ::',
    USER,
    after(server(v6('::', 8080)), tcp4(connect(v4('127.0.0.1', 8080)))),
    0,
  ],
  [
    'connect to a mapped address',
    USER,
    after(server(v4('127.0.0.1', 8080)), tcp6(connect(v6('::ffff:127.0.0.1', 8080)))),
    0,
  ],
  [
    'connect to a link-local address without its link',
    USER,
    tcp6(connect(v6('fe80::1', 80))),
    E.EINVAL,
  ],
  [
    'connect twice',
    USER,
    after(
      server(v4('127.0.0.1', 8080)),
      tcp4(connect(v4('127.0.0.1', 8080)), connect(v4('127.0.0.1', 8080))),
    ),
    E.EISCONN,
  ],
  [
    'connect of a listener',
    USER,
    tcp4(bind(v4('127.0.0.1', 8080)), listen, connect(v4('127.0.0.1', 8080))),
    E.EISCONN,
  ],
  ['connect with the wrong family', USER, tcp4(connect(v6('::1', 80))), E.EAFNOSUPPORT],
  ['connect of an IPv6 socket to sockaddr_in', USER, tcp6(connect(v4('127.0.0.1', 80))), E.EINVAL],
  ['connect of UDP anywhere', USER, udp4(connect(v4('192.0.2.1', 53))), 0],
  [
    'connect of UDP again',
    USER,
    udp4(connect(v4('192.0.2.1', 53)), connect(v4('192.0.2.2', 53))),
    0,
  ],
  ['connect of UDP to broadcast', USER, udp4(connect(v4('255.255.255.255', 53))), E.EACCES],
  ['connect of UDP6 to sockaddr_in', USER, udp6(connect(v4('192.0.2.1', 53))), 0],
  ['connect of UDP6 without a route', USER, udp6(connect(v6('2001:db8::1', 53))), E.ENETUNREACH],
  [
    'connect to AF_UNSPEC disconnects',
    USER,
    udp4(connect(v4('192.0.2.1', 53)), connect(UNSPEC)),
    0,
  ],
  [
    'connect after a refusal',
    USER,
    tcp4(
      connect(v4('127.0.0.1', 80)),
      (s) => server(v4('127.0.0.1', 8080))(s),
      connect(v4('127.0.0.1', 8080)),
    ),
    0,
  ],

  ['listen', USER, tcp4(bind(v4('127.0.0.1', 8080)), listen), 0],
  ['listen twice', USER, tcp4(bind(v4('127.0.0.1', 8080)), listen, listen), 0],
  ['listen without bind takes a port', USER, tcp4(listen), 0],
  ['listen of UDP', USER, udp4(listen), E.EOPNOTSUPP],
  [
    'listen of a connected socket',
    USER,
    after(server(v4('127.0.0.1', 8080)), tcp4(connect(v4('127.0.0.1', 8080)), listen)),
    E.EINVAL,
  ],
];

describe.each(kernels)('sockets on $release', (options) => {
  it.each(ROWS)('%s', (_name, by, act, errno) => {
    const sim = bootKernel(options);
    const task = sim.spawn(by);
    const result = act(sim.syscall(task));
    expect(result < 0 ? -result : 0).toBe(errno);
    sim.exit(task);
    expect(sim.leaks()).toEqual([]);
  });

  it('shows hooks the address in network order, and the socket as the kernel keeps it', () => {
    const sim = bootKernel(options);
    const { layouts, mem } = sim;
    const sockaddr = { port: layouts.field('sockaddr_in', 'sin_port'), size: 16 };
    const sk = layouts.field('socket', 'sk');
    const family = layouts.field('sock', '__sk_common.skc_family');
    const seen: number[] = [];
    sim.lsm.register({
      name: 'probe',
      hooks: {
        socket_connect: (socket = 0, at = 0, length = 0) => {
          seen.push(length, family.get(sk.get(socket)), mem.view.getUint16(at, true));
          seen.push(sockaddr.port.get(at), ...mem.u8.slice(at + 4, at + 8));
          return 0;
        },
      },
    });
    const sys = sim.syscall(sim.spawn());
    sys.connect(sys.socket(AF.INET, DGRAM, 0), v4('192.0.2.7', 80));
    expect(seen).toEqual([16, AF.INET, AF.INET, 80 << 8, 192, 0, 2, 7]);
  });

  it('writes both ends into the sock', () => {
    const sim = bootKernel(options);
    const task = sim.spawn({ uid: 1000 });
    const sys = sim.syscall(task);
    const fd = sys.socket(AF.INET6, DGRAM, 0);
    sys.bind(fd, v6('::', 5000));
    sys.connect(fd, v6('::ffff:192.0.2.7', 53));
    const socket = task.files.get(fd)?.object;
    if (!(socket instanceof Socket)) throw new Error('no socket');
    const { sk } = socket;
    expect([sk.skc_num, sk.skc_dport, sk.sk_uid, sk.sk_protocol]).toEqual([
      5000,
      53 << 8,
      1000,
      17,
    ]);
    expect([...socket.localV4]).toEqual([10, 0, 2, 15]);
    const peer = sim.layouts.field('sock', '__sk_common.skc_v6_daddr').at(sk.addr);
    expect(sim.mem.u8.slice(peer + 10, peer + 16)).toEqual(Uint8Array.of(255, 255, 192, 0, 2, 7));
  });

  it('refuses addresses that are none', () => {
    const sim = bootKernel(options);
    const sys = sim.syscall(sim.spawn());
    const fd = sys.socket(AF.INET, STREAM, 0);
    expect(() => sys.bind(fd, v4('300.0.0.1', 1))).toThrow('300.0.0.1 is no AF_INET address');
    expect(() => sys.bind(fd, v4('127.0.0.1', 70_000))).toThrow('does not fit 16 bits');
  });
});
