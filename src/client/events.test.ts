import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { BPF_ATTACH_TYPE, BPF_PROG_TYPE } from '../abi/index.ts';
import { readBtf } from '../btf/index.ts';
import { openKernelImage } from '../node/index.ts';
import { asKernel, bootKernel } from '../sim/index.ts';
import { Collection } from './index.ts';

const object = readFileSync(new URL('../../examples/exec_env/exec_env.bpf.o', import.meta.url));
const image = openKernelImage('6.12');
const btf = readBtf(image.btf, { file: 'vmlinux' });

const open: Collection[] = [];
afterEach(async () => {
  for (const policy of open.splice(0)) await policy.close();
});

/** The example that puts every exec into a ring buffer, on a simulated kernel. */
async function setUp() {
  const { release = '6.12', version = '' } = image;
  const config = image.config ?? new Map<string, string>();
  const kernel = asKernel(bootKernel({ btf, release, version, config }));
  const policy = await Collection.load(object, { kernel, kernelBtf: btf, file: 'exec_env' });
  open.push(policy);
  const [link] = await policy.attach();
  const events = await policy.ringbuf('events');
  const exec = async (): Promise<void> => {
    const task = await kernel.spawn();
    await task.call('execve', '/bin/true', ['true'], []);
    await task.exit();
  };
  return { kernel, policy, link, events, exec };
}

describe('events', () => {
  it('wake who waits for them', async () => {
    const { events, exec } = await setUp();
    const waiting = events.wait();
    await exec();
    expect(await waiting).toBe(true);
    expect(await events.wait(0)).toBe(true);
    expect(await events.consume()).toHaveLength(1);
    expect(await events.wait(0)).toBe(false);
  });

  it('are waited for no longer than asked', async () => {
    const { events } = await setUp();
    expect(await events.wait(1)).toBe(false);
  });

  it('come one after the other until the reader is closed', async () => {
    const { events, exec } = await setUp();
    const seen: number[] = [];
    const reading = (async () => {
      for await (const record of events) {
        seen.push(record.length);
        if (seen.length === 3) await events.close();
      }
    })();
    await exec();
    await exec();
    await exec();
    await reading;
    expect(seen).toHaveLength(3);
    expect(await events.wait()).toBe(false);
  });

  it('are counted, and can be read in place', async () => {
    const { events, exec } = await setUp();
    await exec();
    const lengths: number[] = [];
    expect(await events.drain((_area, _offset, length) => lengths.push(length))).toBe(1);
    const [length = 0] = lengths;
    const position = Math.ceil((length + 8) / 8) * 8;
    expect(events.stats()).toMatchObject({
      producerPosition: position,
      consumerPosition: position,
      consumed: 1,
      discarded: 0,
    });
  });
});

describe('loaded objects', () => {
  it('tell about themselves', async () => {
    const { policy, link } = await setUp();
    const [program] = [...policy.programs.values()];
    const info = await program?.info();
    expect(info).toMatchObject({
      kind: 'prog',
      type: BPF_PROG_TYPE.LSM,
      gplCompatible: true,
      createdByUid: 0,
      attachBtfObjId: 1,
    });
    expect(await link?.info()).toMatchObject({
      kind: 'link',
      progId: info?.id,
      attachType: BPF_ATTACH_TYPE.LSM_MAC,
      targetBtfId: info?.attachBtfId,
    });
    const map = await policy.map('events').info();
    expect(map).toMatchObject({ kind: 'map', name: 'events' });
    expect(info?.mapIds).toContain(map.id);
  });
});
