import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '..');

/** Which rooms each room may import. Arrows point only downwards; docs/architecture.md tells why. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  isa: [],
  abi: [],
  btf: ['isa', 'abi'],
  object: ['isa', 'abi', 'btf'],
  verifier: ['isa', 'abi', 'btf'],
  vm: ['isa', 'abi'],
  kernel: ['abi'],
  sim: ['isa', 'abi', 'btf', 'object', 'verifier', 'vm', 'kernel'],
  linux: ['kernel', 'abi'],
  client: ['kernel', 'object', 'btf', 'isa', 'abi'],
  policy: ['client', 'kernel', 'object', 'btf', 'isa', 'abi'],
  testing: ['policy', 'client', 'sim', 'kernel', 'vm', 'verifier', 'object', 'btf', 'isa', 'abi'],
  node: ['btf', 'object', 'abi', 'isa'],
  cli: [
    'node',
    'testing',
    'policy',
    'client',
    'linux',
    'sim',
    'kernel',
    'vm',
    'verifier',
    'object',
    'btf',
    'isa',
    'abi',
  ],
};
/** Rooms that may use Node's own modules and npm packages; the others run in a browser as they are. */
const PLATFORM_ROOMS = new Set(['linux', 'node', 'cli']);

const filesUnder = (dir: string): string[] =>
  readdirSync(join(root, dir), { recursive: true, encoding: 'utf8' })
    .filter((f) => f.endsWith('.ts'))
    .map((f) => join(dir, f));

const IMPORT =
  /^(?:import|export)\b[^;']*?\bfrom\s+'([^']+)'|^import\s+'([^']+)'|\bimport\(\s*'([^']+)'/gm;
const importsOf = (file: string): string[] =>
  [...readFileSync(join(root, file), 'utf8').matchAll(IMPORT)].map(
    ([, from, bare, dynamic]) => from ?? bare ?? dynamic ?? '',
  );

/** What only tests use may import what they may. */
const isTest = (file: string): boolean => file.endsWith('.test.ts') || file.includes('/testdata/');

const sources = filesUnder('src').filter((f) => !f.endsWith('.d.ts'));

describe('rooms', () => {
  it('has a rule for each room, and a note in it saying what it is for', () => {
    const rooms = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((d) =>
      d.isDirectory(),
    );
    for (const room of rooms) {
      expect(MAY_IMPORT, `no import rule for src/${room.name}`).toHaveProperty(room.name);
      expect(readdirSync(join(root, 'src', room.name)), `src/${room.name}`).toContain('README.md');
    }
  });

  it('imports run one way', () => {
    const wrong: string[] = [];
    for (const file of sources.filter((f) => !isTest(f))) {
      const room = relative('src', file).split('/')[0]!;
      for (const spec of importsOf(file)) {
        if (!spec.startsWith('.')) {
          if (!PLATFORM_ROOMS.has(room)) wrong.push(`${file}: ${spec} (a room that runs anywhere)`);
          continue;
        }
        const target = relative(join(root, 'src'), resolve(root, dirname(file), spec)).split(
          '/',
        )[0]!;
        if (target !== room && !MAY_IMPORT[room]?.includes(target)) wrong.push(`${file}: ${spec}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('no file stands alone: each is an entry, a test, or imported by another', () => {
    const imported = new Set<string>();
    for (const file of [...sources, ...filesUnder('test'), ...filesUnder('scripts')])
      for (const spec of importsOf(file))
        if (spec.startsWith('.')) imported.add(relative(root, resolve(root, dirname(file), spec)));
    const entries = /^src\/[a-z]+\/index\.ts$|^src\/cli\/main\.ts$|-worker\.ts$/;
    const alone = sources.filter((f) => !isTest(f) && !entries.test(f) && !imported.has(f));
    expect(alone).toEqual([]);
  });
});
