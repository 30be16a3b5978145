import { parseIpv6 } from 'krsi/abi';
import type { SocketAddress, Task } from 'krsi/kernel';
import { policyTests, type Machine } from 'krsi/testing';

const [SOCK_STREAM, SOCK_DGRAM] = [1, 2];
const FAMILY = { AF_INET: 2, AF_INET6: 10 };
const ANY_PORT = 0;

type Family = keyof typeof FAMILY;
type Rule = readonly [prefix: string, port: number, action: 'ALLOW' | 'DENY'];

/** `192.0.2.0/24` or `2001:db8::/32` as the policy's map writes it. */
function destination(
  prefix: string,
  port: number,
): { prefixlen: number; port: number; address: Uint8Array } {
  const [text = '', bits = ''] = prefix.split('/');
  const isV4 = text.includes('.');
  const address = parseIpv6(isV4 ? `::ffff:${text}` : text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return { prefixlen: 32 + (isV4 ? 96 : 0) + Number(bits), port, address };
}

const local = (port: number): SocketAddress => ({ family: 'AF_INET', address: '127.0.0.1', port });

interface Guarded extends Machine {
  /** Connects a new socket. UDP, since a connection needs nobody at the other end. */
  readonly connect: (
    address: string,
    port: number,
    family?: Family,
    task?: Task,
  ) => Promise<number>;
}

async function guard(
  boot: () => Promise<Machine>,
  rules: readonly Rule[],
  defaultAction: 'ALLOW' | 'DENY' = 'ALLOW',
): Promise<Guarded> {
  const machine = await boot();
  await machine.load('connect_guard.bpf.o', {
    variables: { default_action: defaultAction },
    maps: {
      rules: {
        entries: rules.map(([prefix, port, action]) => [destination(prefix, port), action]),
      },
    },
  });
  const { self } = machine.kernel;
  const connect: Guarded['connect'] = async (address, port, family, task = self) => {
    const chosen = family ?? (address.includes(':') ? 'AF_INET6' : 'AF_INET');
    const fd = await task.call('socket', FAMILY[chosen], SOCK_DGRAM, 0);
    const to: SocketAddress = { family: chosen, address, port };
    const result = await task.call('connect', fd, to);
    await task.call('close', fd);
    return result;
  };
  return { ...machine, connect };
}

const DENIED = { errno: 'EPERM', by: 'guard_connect', hook: 'socket_connect' } as const;

export default policyTests((test) => {
  test('a denied network is not reached, its neighbour is', async ({ boot }) => {
    const { connect, expectDenied, expectAllowed } = await guard(boot, [
      ['127.1.0.0/16', ANY_PORT, 'DENY'],
    ]);
    expectDenied(await connect('127.1.2.3', 53), DENIED);
    expectAllowed(await connect('127.2.2.3', 53));
  });

  test('the longest prefix decides', async ({ boot }) => {
    const { connect, expectDenied, expectAllowed } = await guard(boot, [
      ['127.0.0.0/8', ANY_PORT, 'DENY'],
      ['127.0.5.0/24', ANY_PORT, 'ALLOW'],
      ['127.0.5.7/32', ANY_PORT, 'DENY'],
    ]);
    expectDenied(await connect('127.9.9.9', 53), DENIED);
    expectAllowed(await connect('127.0.5.6', 53));
    expectDenied(await connect('127.0.5.7', 53), DENIED);
  });

  test('a rule for one port goes before those for any port', async ({ boot }) => {
    const { connect, expectDenied, expectAllowed } = await guard(boot, [
      ['127.0.0.1/32', ANY_PORT, 'DENY'],
      ['127.0.0.0/8', 53, 'ALLOW'],
    ]);
    expectAllowed(await connect('127.0.0.1', 53));
    expectDenied(await connect('127.0.0.1', 80), DENIED);
  });

  test('what no rule names follows the default', async ({ boot }) => {
    const { connect, expectDenied, expectAllowed } = await guard(
      boot,
      [['127.0.0.1/32', 53, 'ALLOW']],
      'DENY',
    );
    expectAllowed(await connect('127.0.0.1', 53));
    expectDenied(await connect('127.0.0.2', 53), DENIED);
    expectDenied(await connect('::1', 53), DENIED);
  });

  test('IPv6 networks have rules of their own', async ({ boot }) => {
    const { connect, expectDenied } = await guard(boot, [['2001:db8::/32', ANY_PORT, 'DENY']]);
    expectDenied(await connect('2001:db8:1::5', 443), DENIED);
  });

  test('a TCP connection is judged as well', async ({ boot }) => {
    const { kernel, expectDenied, expectAllowed } = await guard(boot, [
      ['127.0.0.1/32', 81, 'DENY'],
    ]);
    const fd = await kernel.self.call('socket', FAMILY.AF_INET, SOCK_STREAM, 0);
    expectDenied(await kernel.self.call('connect', fd, local(81)), DENIED);
    // Nobody listens there, but the policy let it through.
    expectAllowed(await kernel.self.call('connect', fd, local(82)), { errno: 'ECONNREFUSED' });
  });

  test('bypass: another port of a denied address', async ({ boot }) => {
    const { connect, expectDenied } = await guard(boot, [['127.0.0.1/32', ANY_PORT, 'DENY']]);
    for (const port of [1, 80, 65535]) expectDenied(await connect('127.0.0.1', port), DENIED);
  });

  test('bypass: IPv4 written as IPv6', async ({ boot }) => {
    const { connect, expectDenied, expectAllowed } = await guard(boot, [
      ['127.1.0.0/16', ANY_PORT, 'DENY'],
    ]);
    expectDenied(await connect('::ffff:127.1.2.3', 53), DENIED);
    expectAllowed(await connect('::ffff:127.2.2.3', 53));
  });

  test('bypass: 0.0.0.0 is this machine', async ({ boot }) => {
    const { connect, expectDenied } = await guard(boot, [['127.0.0.1/32', ANY_PORT, 'DENY']]);
    expectDenied(await connect('0.0.0.0', 53), DENIED);
    expectDenied(await connect('::ffff:0.0.0.0', 53), DENIED);
  });

  test('bypass: :: is this machine, by IPv6 or IPv4', async ({ boot }) => {
    const six = await guard(boot, [['::1/128', ANY_PORT, 'DENY']]);
    six.expectDenied(await six.connect('::', 53), DENIED);
    const four = await guard(boot, [['127.0.0.1/32', ANY_PORT, 'DENY']]);
    four.expectDenied(await four.connect('::', 53), DENIED);
  });

  test('bypass: a child and root are judged alike', async ({ boot }) => {
    const { kernel, connect, expectDenied } = await guard(boot, [['127.0.0.1/32', 53, 'DENY']]);
    const user = await kernel.spawn({ uid: 1000 });
    const child = await user.fork();
    if ('errno' in child) throw new Error(`fork failed with errno ${child.errno}`);
    expectDenied(await connect('127.0.0.1', 53, 'AF_INET', child), DENIED);
    expectDenied(await connect('127.0.0.1', 53), DENIED);
  });
});
