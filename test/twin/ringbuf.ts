import { policyTests, type TestContext } from 'krsi/testing';
import { attachHook, ifSubject, makeMap, subjectMap } from './programs.ts';

const PAGE = 4096;
const HEADER = 8;

async function stage({ boot }: TestContext, size = PAGE) {
  const machine = await boot();
  const loader = await machine.kernel.spawn({ comm: 'loader' });
  const worker = await machine.kernel.spawn({ comm: 'worker' });
  const subject = await subjectMap(loader, worker);
  const ring = await makeMap(loader, 'RINGBUF', {
    keySize: 0,
    valueSize: 0,
    maxEntries: size,
    mapName: 'ring',
  });
  return { ...machine, loader, worker, subject, ring };
}

/** Reserves a record of some bytes, writes a number at its start, and ends it. */
const reserve = (ring: number, bytes: number, end: 'submit' | 'discard', flags = 0): string => `
    r1 = map[fd:${ring}]
    r2 = ${bytes}
    r3 = 0
    call bpf_ringbuf_reserve
    if r0 == 0 goto other
    *(u64 *)(r0 + 0) = 7
    r1 = r0
    r2 = ${flags}
    call bpf_ringbuf_${end}
    r0 = -1
    exit`;

const other = `
    other: r0 = 0
    exit`;

export default policyTests((test) => {
  test('records come in their order, discarded ones do not', async (context) => {
    const { loader, worker, subject, ring, ...machine } = await stage(context);
    const reader = await loader.ringbuf(ring);
    for (const end of ['submit', 'discard', 'submit'] as const) {
      const link = await attachHook(machine, loader, {
        hook: 'inode_mkdir',
        code: ifSubject(subject) + reserve(ring, 16, end) + other,
      });
      await worker.call('mkdir', '/tmp/a', 0o755);
      await loader.call('close', link);
      if (reader.ok) await reader.value.consume();
    }
    if (reader.ok) await reader.value.close();
  });

  test('a full buffer takes no more until it is read', async (context) => {
    const { loader, worker, subject, ring, ...machine } = await stage(context);
    const reader = await loader.ringbuf(ring);
    await attachHook(machine, loader, {
      hook: 'inode_mkdir',
      code: ifSubject(subject) + reserve(ring, 1016, 'submit') + other,
    });
    for (let i = 0; i < 6; i++) {
      await worker.call('mkdir', '/tmp/a', 0o755);
      await worker.call('rmdir', '/tmp/a');
    }
    if (reader.ok) await reader.value.consume();
    await worker.call('mkdir', '/tmp/a', 0o755);
    if (reader.ok) await reader.value.consume();
    if (reader.ok) await reader.value.close();
  });

  test('the largest record that fits, and one that does not', async (context) => {
    const { loader, worker, subject, ring, ...machine } = await stage(context);
    const reader = await loader.ringbuf(ring);
    for (const bytes of [PAGE - 2 * HEADER, PAGE - HEADER, PAGE]) {
      const link = await attachHook(machine, loader, {
        hook: 'inode_mkdir',
        code: ifSubject(subject) + reserve(ring, bytes, 'submit') + other,
      });
      await worker.call('mkdir', '/tmp/a', 0o755);
      await worker.call('rmdir', '/tmp/a');
      await loader.call('close', link);
      if (reader.ok) await reader.value.consume();
    }
    if (reader.ok) await reader.value.close();
  });

  test('bpf_ringbuf_output copies, and tells what is wrong', async (context) => {
    const { loader, worker, subject, ring, ...machine } = await stage(context);
    const reader = await loader.ringbuf(ring);
    for (const flags of [0, 1, 2, 3, 8]) {
      const link = await attachHook(machine, loader, {
        hook: 'inode_mkdir',
        code: `${ifSubject(subject)}
          *(u64 *)(r10 - 16) = 5
          *(u64 *)(r10 - 8) = 6
          r1 = map[fd:${ring}]
          r2 = r10
          r2 += -16
          r3 = 11
          r4 = ${flags}
          call bpf_ringbuf_output
          if r0 == 0 goto fine
          r0 = -28
          exit
          fine: r0 = -1
          exit
          ${other}`,
      });
      await worker.call('mkdir', '/tmp/a', 0o755);
      await loader.call('close', link);
      if (reader.ok) await reader.value.consume();
    }
    if (reader.ok) await reader.value.close();
  });

  test('what bpf_ringbuf_query tells', async (context) => {
    const { loader, worker, subject, ring, ...machine } = await stage(context);
    for (const asked of [0, 1, 2, 3, 4]) {
      const link = await attachHook(machine, loader, {
        hook: 'inode_mkdir',
        code: `${ifSubject(subject)}
          r1 = map[fd:${ring}]
          r2 = 16
          r3 = 0
          call bpf_ringbuf_reserve
          if r0 == 0 goto other
          r1 = r0
          r2 = 0
          call bpf_ringbuf_submit
          r1 = map[fd:${ring}]
          r2 = ${asked}
          call bpf_ringbuf_query
          r0 &= 0xfff
          r1 = r0
          r0 = 0
          if r1 == 0 goto out
          r0 = -1
          if r1 == 24 goto out
          r0 = -2
          if r1 == 48 goto out
          r0 = -3
          if r1 == 72 goto out
          r0 = -4
          out: exit
          ${other}`,
      });
      await worker.call('mkdir', '/tmp/a', 0o755);
      await worker.call('rmdir', '/tmp/a');
      await loader.call('close', link);
    }
  });

  test('mapping what is no ring buffer', async (context) => {
    const { loader, subject } = await stage(context);
    await loader.ringbuf(subject);
  });
});
