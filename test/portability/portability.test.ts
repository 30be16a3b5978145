import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { errnoName } from '../../src/abi/index.ts';
import { readBtf } from '../../src/btf/index.ts';
import { Collection } from '../../src/client/index.ts';
import { openKernelImage } from '../../src/node/index.ts';
import { asKernel, bootKernel } from '../../src/sim/index.ts';

const OBJECT = readFileSync(join(import.meta.dirname, 'portable.bpf.o'));
const [O_RDONLY, O_CREAT_RDWR] = [0, 0o102];

async function load(series: string) {
  const image = openKernelImage(series);
  const btf = readBtf(image.btf, { file: series });
  const sim = bootKernel({ btf, release: image.release ?? series });
  const kernel = asKernel(sim);
  const policy = await Collection.load(OBJECT, { kernel, file: 'portable.bpf.o' });
  return { sim, kernel, policy, btf };
}

/** One object, built against the vmlinux.h of 6.18, on kernels whose structs differ. */
describe.each(['6.1', '6.12', '6.18'])('an object built for 6.18, on %s', (series) => {
  it('denies by path, and reports fields of structs that lie elsewhere here', async () => {
    const { sim, kernel, policy } = await load(series);
    await policy.program('guard_open').attach();
    await policy.map('denied').set(1, { text: '/tmp/secret', length: 11 });
    const thief = await kernel.spawn({ comm: 'thief', uid: 1000 });
    const open = async (path: string, flags: number): Promise<string> => {
      const ret = await thief.call('open', path, flags, 0o640);
      return ret < 0 ? errnoName(ret) : 'opened';
    };
    expect(await open('/etc/passwd', O_RDONLY)).toBe('opened');
    expect(await open('/tmp/secrets', O_CREAT_RDWR)).toBe('EACCES');
    expect(await open('/usr/../tmp/secret', O_CREAT_RDWR)).toBe('EACCES');
    expect(await open('/tmp/public', O_CREAT_RDWR)).toBe('opened');

    const events = await policy.ringbuf('events');
    const said = { parent: 1, comm: 'thief', parent_comm: 'systemd', mode: 0o100640 };
    expect(await events.consumeAs('event')).toMatchObject([
      { ...said, opens: 2n, path: '/tmp/secrets' },
      { ...said, opens: 3n, path: '/tmp/secret' },
    ]);
    await events.close();
    await policy.close();
    expect(sim.bpf.leaks()).toEqual([]);
  });

  it('learns what this kernel has, and continues by a tail call', async () => {
    const { sim, kernel, policy, btf } = await load(series);
    await policy.program('learn').attach();
    const create = async (name: string): Promise<string> =>
      errnoName(await kernel.self.call('open', `/tmp/${name}`, O_CREAT_RDWR, 0o600));
    await create('first');
    const task = btf.type(btf.find('task_struct', 'struct') ?? 0);
    const comm = task.kind === 'struct' ? task.members.find((m) => m.name === 'comm') : undefined;
    expect(await policy.variable('facts').get()).toEqual({
      comm_offset: (comm?.bitOffset ?? 0) / 8,
      inode_size: btf.sizeOf(btf.find('inode', 'struct') ?? 0),
      has_state: 1,
      has_old_state: 0,
      has_arena: series === '6.1' ? 0 : 1,
      has_nonsense: 0,
      ringbuf_type: 27n,
    });

    await policy.map('next').set(1, policy.program('limit').fd);
    await policy.map('third').set(0, 2n);
    const results = [];
    for (const name of ['a', 'b', 'c']) results.push(await create(name));
    expect(results[2]).toBe('ENOSPC');
    expect(results.slice(0, 2)).not.toContain('ENOSPC');
    await policy.close();
    expect(sim.bpf.leaks()).toEqual([]);
  });
});
