import { mkdtempSync, readFileSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect } from 'vitest';
import { MS } from '../abi/index.ts';
import type { Kernel } from '../kernel/index.ts';
import { startDriver } from '../linux/driver/index.ts';
import { openLinux } from '../linux/kernel.ts';
import { makeMount, mount, placeMount } from '../linux/mount.ts';
import { mustCall } from '../linux/must-call.ts';
import { drivenTask } from '../linux/task.ts';
import { knowsTokens, onLinux } from '../linux/testdata/host.ts';
import { delegateFs, enterUserNamespace } from '../linux/token.ts';
import { readObject } from '../object/index.ts';
import type { CollectionSpec } from '../object/spec.ts';
import {
  Collection,
  createToken,
  infoOf,
  objectIds,
  openById,
  openPinnedLink,
  openPinnedMap,
  openPinnedProgram,
  type LoadOptions,
} from './index.ts';

/** Two maps and a program of an object, one map with LIBBPF_PIN_BY_NAME. */
const object = ((): CollectionSpec => {
  const file = 'maps.bpf.o';
  const whole = readObject(readFileSync(new URL(`../object/testdata/${file}`, import.meta.url)), {
    file,
  });
  const [typed, first] = [whole.maps.get('typed'), whole.maps.get('first')];
  const tail = whole.programs.get('tail');
  if (typed === undefined || first === undefined || tail === undefined) throw new Error(file);
  return {
    ...whole,
    maps: new Map([
      ['typed', { ...typed, pinning: 'by_name' }],
      ['first', first],
    ]),
    programs: new Map([['tail', tail]]),
  };
})();
const FOLDER = mkdtempSync(join(tmpdir(), 'krsi-bpffs-'));
afterAll(() => rmdirSync(FOLDER));
const CLONE_NEWNS = 0x0002_0000;

/** The kernel of this machine as a task sees it that has a bpffs of its own. */
function withBpffs(name: string, run: (kernel: Kernel) => Promise<void>): void {
  onLinux(name, async (libc) => {
    const family = await startDriver(libc);
    const { first } = family;
    try {
      mustCall(first, 'unshare', CLONE_NEWNS);
      mount(first, 'none', '/', '', MS.REC | MS.PRIVATE);
      placeMount(first, makeMount(first, 'bpf'), FOLDER);
      await run({ ...(await openLinux()), self: drivenTask(first) });
    } finally {
      await family.close();
    }
  });
}

const load = (kernel: Kernel, options: Partial<LoadOptions> = {}) =>
  Collection.load(object, { kernel, pinPath: FOLDER, ...options });

describe('maps pinned by name', () => {
  withBpffs('are made by the first load and found by the next', async (kernel) => {
    const first = await load(kernel);
    await first.map('typed').set({ pid: 1, kind: 2 }, 3n);
    await first.close();
    const second = await load(kernel);
    expect(await second.map('typed').get({ pid: 1, kind: 2 })).toBe(3n);
    await second.close();
  });

  withBpffs('are refused when what is pinned there is another kind of map', async (kernel) => {
    await (await load(kernel)).close();
    await expect(load(kernel, { maps: { typed: { maxEntries: 5 } } })).rejects.toThrow(
      `maps.bpf.o: map 'typed': what is pinned at ${FOLDER}/typed differs: max_entries 1000 there, 5 here`,
    );
  });

  withBpffs('go again when the load fails', async (kernel) => {
    const programs = [...object.programs].map(([name, program]) => {
      // Reads the context where there is none.
      const code = Uint8Array.of(0x79, 0x10, 0xff, 0x7f, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0);
      return [name, { ...program, code, lines: [], references: [] }] as const;
    });
    const broken = { ...object, programs: new Map(programs) };
    const loading = Collection.load(broken, { kernel, pinPath: FOLDER });
    await expect(loading).rejects.toThrow("program 'tail': PROG_LOAD: EACCES: invalid bpf_context");
    await expect(openPinnedMap(kernel, `${FOLDER}/typed`)).rejects.toThrow('ENOENT');
  });

  withBpffs('say where they cannot be', async (kernel) => {
    await expect(load(kernel, { pinPath: '/dev/shm' })).rejects.toThrow(
      "map 'typed': pin /dev/shm/typed: OBJ_PIN: EPERM: Operation not permitted",
    );
  });
});

describe('pinned objects', () => {
  withBpffs('are opened by their path: a map has its types again', async (kernel) => {
    const policy = await load(kernel);
    await policy.map('typed').set({ pid: 7, kind: 8 }, 9n);
    await policy.map('first').pin(`${FOLDER}/numbers`);
    await policy.close();
    const opened = await openPinnedMap(kernel, `${FOLDER}/typed`);
    expect(await opened.map.entries()).toEqual([[{ pid: 7, kind: 8 }, 9n]]);
    expect(opened.map.spec).toMatchObject({ name: 'typed', type: 'HASH', maxEntries: 1000 });
    await opened.close();
    const numbers = await openPinnedMap(kernel, `${FOLDER}/numbers`);
    expect(await numbers.map.info()).toMatchObject({ name: 'first', maxEntries: 2 });
    await numbers.close();
  });

  withBpffs('keep a program', async (kernel) => {
    const policy = await load(kernel);
    const { id } = await policy.program('tail').info();
    await policy.program('tail').pin(`${FOLDER}/tail`);
    await policy.close();
    const program = await openPinnedProgram(kernel, `${FOLDER}/tail`);
    expect(await program.info()).toMatchObject({ id, name: 'tail' });
    await program.pin(`${FOLDER}/again`);
    await program.close();
  });

  withBpffs('are of the kind that was asked for', async (kernel) => {
    const policy = await load(kernel);
    await policy.program('tail').pin(`${FOLDER}/tail`);
    const [map, program] = [`${FOLDER}/typed`, `${FOLDER}/tail`];
    await expect(openPinnedLink(kernel, map)).rejects.toThrow(`${map}: is a map, not a link`);
    await expect(openPinnedMap(kernel, program)).rejects.toThrow('is a prog, not a map');
    await expect(openPinnedProgram(kernel, map)).rejects.toThrow('is a map, not a prog');
    await expect(openPinnedMap(kernel, `${FOLDER}/none`)).rejects.toThrow(
      `${FOLDER}/none: OBJ_GET: ENOENT`,
    );
    await policy.close();
  });
});

describe('ids', () => {
  withBpffs('lead to every object', async (kernel) => {
    const policy = await load(kernel);
    const { id } = await policy.map('typed').info();
    const found: number[] = [];
    for await (const each of objectIds(kernel.self, 'map')) found.push(each);
    expect(found).toContain(id);
    const fd = await openById(kernel.self, 'map', id);
    expect(await infoOf(kernel.self, fd, 'map', 'typed')).toMatchObject({ id, name: 'typed' });
    await policy.close();
    await expect(openById(kernel.self, 'link', 0x7fff_fff0)).rejects.toThrow('ENOENT');
  });
});

describe('tokens', () => {
  onLinux('let a user namespace load an object', async (libc) => {
    if (!knowsTokens(libc)) {
      const kernel = await openLinux();
      return expect(createToken(kernel, '/')).rejects.toThrow('TOKEN_CREATE: EINVAL');
    }
    const family = await startDriver(libc);
    const { first } = family;
    try {
      enterUserNamespace(libc, first);
      const all = { cmds: 'any', maps: 'any', progs: 'any', attachs: 'any' };
      placeMount(first, delegateFs(libc, first, all).mount, FOLDER);
      const kernel = { ...(await openLinux()), self: drivenTask(first) };
      await expect(load(kernel)).rejects.toThrow('EPERM');
      const tokenFd = await createToken(kernel, FOLDER);
      const policy = await load(kernel, { tokenFd });
      await policy.map('typed').set({ pid: 1, kind: 1 }, 5n);
      await policy.close();
      await expect(createToken(kernel, '/')).rejects.toThrow('TOKEN_CREATE: EINVAL');
      await expect(createToken(kernel, '/nowhere')).rejects.toThrow('TOKEN_CREATE: ENOENT');
    } finally {
      await family.close();
    }
  });
});
