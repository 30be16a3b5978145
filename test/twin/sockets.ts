import { AF, SOCK } from 'krsi/abi';
import type { SocketAddress, Task } from 'krsi/kernel';
import { policyTests } from 'krsi/testing';

const USER = { uid: 1000, gid: 1000 };
const { INET, INET6 } = AF;
const { STREAM, DGRAM } = SOCK;

const v4 = (address: string, port: number): SocketAddress => ({ family: 'AF_INET', address, port });
const v6 = (address: string, port: number): SocketAddress => ({
  family: 'AF_INET6',
  address,
  port,
});
const open = (task: Task, family: number, type: number): Promise<number> =>
  task.call('socket', family, type, 0);

export default policyTests((test) => {
  test('kinds of sockets', async ({ boot }) => {
    const { kernel } = await boot();
    for (const options of [{}, USER]) {
      const task = await kernel.spawn(options);
      for (const family of [INET, INET6, 999, -1])
        for (const type of [STREAM, DGRAM, SOCK.NONBLOCK | STREAM, SOCK.CLOEXEC | DGRAM, 9, 999])
          for (const protocol of [0, 6, 17, 255]) {
            const fd = await task.call('socket', family, type, protocol);
            if (fd >= 0) await task.call('close', fd);
          }
    }
  });

  test('binding', async ({ boot }) => {
    const { kernel } = await boot();
    for (const options of [{}, USER, { ...USER, caps: ['CAP_NET_BIND_SERVICE'] }]) {
      const task = await kernel.spawn(options);
      for (const [address, port] of [
        ['127.0.0.1', 80],
        ['127.0.0.1', 8080],
        ['127.0.0.1', 8080],
        ['127.0.0.2', 8080],
        ['0.0.0.0', 8080],
        ['0.0.0.0', 0],
        ['192.0.2.1', 8081],
        ['127.0.0.1', 1023],
        ['127.0.0.1', 1024],
      ] as const)
        await task.call('bind', await open(task, INET, STREAM), v4(address, port));
      await task.call('bind', await open(task, INET6, STREAM), v6('::1', 9090));
      await task.call('bind', await open(task, INET6, STREAM), v6('::', 9090));
      await task.call('bind', await open(task, INET6, STREAM), v6('2001:db8::1', 9091));
      const fd = await open(task, INET, STREAM);
      await task.call('bind', fd, v6('::1', 9092));
      await task.call('bind', fd, { family: 'AF_UNSPEC' });
      await task.call('bind', fd, v4('127.0.0.1', 7070));
      await task.call('bind', fd, v4('127.0.0.1', 7071));
      await task.call('bind', 99, v4('127.0.0.1', 7072));
      await task.call('bind', await task.call('open', '/etc/passwd', 0), v4('127.0.0.1', 7072));
      await task.exit(0);
    }
  });

  test('connecting', async ({ boot }) => {
    const { kernel } = await boot();
    const server = await kernel.spawn();
    const listening = await open(server, INET, STREAM);
    await server.call('bind', listening, v4('127.0.0.1', 5000));
    await server.call('listen', listening, 5);
    const task = await kernel.spawn(USER);
    const fd = await open(task, INET, STREAM);
    await task.call('connect', fd, v4('127.0.0.1', 5001));
    await task.call('connect', fd, v4('127.0.0.1', 5000));
    await task.call('connect', fd, v4('127.0.0.1', 5000));
    await task.call('connect', await open(task, INET, STREAM), v6('::1', 5000));
    await task.call('connect', await open(task, INET6, STREAM), v6('::1', 5000));
    await task.call('connect', await open(task, INET6, STREAM), v6('::ffff:127.0.0.1', 5000));
    await task.call('connect', await open(task, INET, STREAM), v4('0.0.0.0', 5000));
    await task.call('connect', listening, v4('127.0.0.1', 5000));
    await task.call('connect', 99, v4('127.0.0.1', 5000));
  });

  test('connecting datagrams', async ({ boot }) => {
    const { kernel } = await boot();
    const task = await kernel.spawn(USER);
    const fd = await open(task, INET, DGRAM);
    await task.call('connect', fd, v4('127.0.0.1', 53));
    await task.call('connect', fd, v4('127.0.0.1', 54));
    await task.call('connect', fd, { family: 'AF_UNSPEC' });
    await task.call('connect', fd, v4('127.0.0.1', 0));
    await task.call('connect', fd, v6('::1', 53));
    await task.call('listen', fd, 5);
    const six = await open(task, INET6, DGRAM);
    await task.call('connect', six, v6('::1', 53));
    await task.call('connect', six, v6('::ffff:127.0.0.1', 53));
    await task.call('connect', six, v4('127.0.0.1', 53));
    await task.call('connect', six, { family: 'AF_UNSPEC' });
  });

  test('listening', async ({ boot }) => {
    const { kernel } = await boot();
    const task = await kernel.spawn();
    const unbound = await open(task, INET, STREAM);
    await task.call('listen', unbound, 5);
    await task.call('listen', unbound, 0);
    const a = await open(task, INET, STREAM);
    await task.call('bind', a, v4('127.0.0.1', 6000));
    await task.call('listen', a, -1);
    const b = await open(task, INET, STREAM);
    await task.call('bind', b, v4('127.0.0.1', 6000));
    await task.call('close', a);
    await task.call('bind', b, v4('127.0.0.1', 6000));
    await task.call('listen', b, 1);
    await task.call('listen', 99, 1);
    await task.call('listen', await task.call('open', '/etc/passwd', 0), 1);
    const connected = await open(task, INET, STREAM);
    await task.call('connect', connected, v4('127.0.0.1', 6000));
    await task.call('listen', connected, 1);
  });
});
