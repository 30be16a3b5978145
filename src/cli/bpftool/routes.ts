import { buildCommand, buildRouteMap } from '@stricli/core';
import type { Context } from '../context.ts';
import type { Verb, VerbFlags } from './run-verb.ts';

const flags = {
  json: { kind: 'boolean', brief: 'Print JSON', default: false },
  pretty: { kind: 'boolean', brief: 'Print JSON, indented', default: false },
  bpffs: { kind: 'boolean', brief: 'Show where objects are pinned', default: false },
} as const;

interface VerbDocs {
  readonly brief: string;
  /** What follows the verb. */
  readonly words: string;
  readonly more?: readonly string[];
  readonly examples: readonly string[];
}

const ERRORS = 'Errors and exit codes are those of bpftool: 255, or 1 for a detach that failed.';

/** A verb of bpftool as a command. */
const verb = (load: () => Promise<Verb>, docs: VerbDocs) =>
  buildCommand<VerbFlags, string[], Context>({
    loader: async () => {
      const [{ verbCommand }, run] = await Promise.all([import('./run-verb.ts'), load()]);
      const command = verbCommand(run);
      return function bound(this: Context, given: VerbFlags, ...words: string[]) {
        return command(this, given, ...words);
      };
    },
    parameters: {
      flags,
      aliases: { j: 'json', p: 'pretty', f: 'bpffs' },
      positional: {
        kind: 'array',
        parameter: { brief: docs.words, parse: (word: string) => word, placeholder: 'WORD' },
      },
    },
    docs: {
      brief: docs.brief,
      fullDescription: [
        `${docs.brief}, on the kernel of this machine.`,
        ...(docs.more ?? []),
        '',
        'EXAMPLES',
        ...docs.examples.map((example) => `  krsi ${example}`),
        '',
        ERRORS,
      ].join('\n'),
    },
  });

const PROG = '[id N | tag TAG | name NAME | pinned PATH]';
const MAP = 'id N | name NAME | pinned PATH';
const DATA = 'DATA is bytes: 1 0 0 0, or hex 01 00 00 00.';

export const progRoutes = buildRouteMap({
  routes: {
    show: verb(async () => (await import('../commands/prog.ts')).showProgs, {
      brief: 'Show loaded programs',
      words: PROG,
      examples: ['prog show', 'prog show name deny_heap_exec', 'prog show --bpffs --json'],
    }),
    pin: verb(async () => (await import('../commands/prog.ts')).pinProg, {
      brief: 'Pin a program',
      words: 'PROG PATH',
      more: [
        'A pinned program stays loaded. What keeps it attached is its link: see krsi link pin.',
      ],
      examples: ['prog pin id 7 /sys/fs/bpf/policy'],
    }),
  },
  aliases: { list: 'show' },
  docs: { brief: 'Programs in the kernel' },
});

export const mapRoutes = buildRouteMap({
  routes: {
    show: verb(async () => (await import('../commands/map.ts')).showMaps, {
      brief: 'Show maps',
      words: `[${MAP}]`,
      examples: ['map show', 'map show name events'],
    }),
    dump: verb(async () => (await import('../commands/map.ts')).dumpMap, {
      brief: 'Print all elements of a map',
      words: MAP,
      more: ['Elements are shown as their BTF types say, or as bytes where a map has none.'],
      examples: ['map dump name blocked', 'map dump pinned /sys/fs/bpf/blocked --json'],
    }),
    lookup: verb(async () => (await import('../commands/map-element.ts')).lookupMap, {
      brief: 'Print one element of a map',
      words: 'MAP key DATA',
      more: [DATA],
      examples: ['map lookup name blocked key 1 0 0 0', 'map lookup id 3 key hex 2a 00 00 00'],
    }),
    update: verb(async () => (await import('../commands/map-element.ts')).updateMap, {
      brief: 'Set one element of a map',
      words: 'MAP key DATA value DATA [any | exist | noexist]',
      more: [DATA, 'The value of an array of maps or programs is a map or program: id 7.'],
      examples: ['map update name blocked key 1 0 0 0 value 1'],
    }),
    delete: verb(async () => (await import('../commands/map-element.ts')).deleteFromMap, {
      brief: 'Delete one element of a map',
      words: 'MAP key DATA',
      more: [DATA],
      examples: ['map delete name blocked key 1 0 0 0'],
    }),
    getnext: verb(async () => (await import('../commands/map-element.ts')).nextKeyOfMap, {
      brief: 'Print the key after a key, or the first',
      words: 'MAP [key DATA]',
      more: [DATA],
      examples: ['map getnext name blocked', 'map getnext name blocked key 1 0 0 0'],
    }),
    create: verb(async () => (await import('../commands/map.ts')).createMap, {
      brief: 'Create a map and pin it',
      words: 'PATH type TYPE key SIZE value SIZE entries COUNT name NAME [flags FLAGS]',
      examples: ['map create /sys/fs/bpf/m type hash key 4 value 8 entries 16 name m'],
    }),
    pin: verb(async () => (await import('../commands/map.ts')).pinMap, {
      brief: 'Pin a map',
      words: 'MAP PATH',
      examples: ['map pin name blocked /sys/fs/bpf/blocked'],
    }),
    freeze: verb(async () => (await import('../commands/map.ts')).freezeMap, {
      brief: 'Make a map read-only for user space, for ever',
      words: MAP,
      examples: ['map freeze name settings'],
    }),
  },
  aliases: { list: 'show' },
  docs: { brief: 'Maps in the kernel' },
});

export const linkRoutes = buildRouteMap({
  routes: {
    show: verb(async () => (await import('../commands/link.ts')).showLinks, {
      brief: 'Show what is attached',
      words: '[id N | pinned PATH]',
      examples: ['link show', 'link show --bpffs'],
    }),
    pin: verb(async () => (await import('../commands/link.ts')).pinLink, {
      brief: 'Pin a link, so that the program stays attached when its loader ends',
      words: 'LINK PATH',
      examples: ['link pin id 3 /sys/fs/bpf/policy_link'],
    }),
    detach: verb(async () => (await import('../commands/link.ts')).detachLink, {
      brief: 'Detach a link',
      words: 'LINK',
      more: [
        'Cgroup links can be detached. Those of LSM programs (LSM_MAC) cannot: end what holds them,',
        'the loader or the pin.',
      ],
      examples: ['link detach id 3'],
    }),
  },
  aliases: { list: 'show' },
  docs: { brief: 'Links: what is attached where' },
});

export const showBtf = verb(async () => (await import('../commands/btf-show.ts')).showBtfs, {
  brief: 'Show BTF objects and what uses them',
  words: '[id N]',
  examples: ['btf show', 'btf show id 1'],
});

export const cgroupRoutes = buildRouteMap({
  routes: {
    show: verb(async () => (await import('../commands/cgroup.ts')).showCgroup, {
      brief: 'Show the programs of a cgroup',
      words: 'CGROUP [effective]',
      more: ['effective: also those that it has from its parents, in the order they run.'],
      examples: ['cgroup show /sys/fs/cgroup/box', 'cgroup show /sys/fs/cgroup/box effective'],
    }),
    tree: verb(async () => (await import('../commands/cgroup.ts')).showCgroupTree, {
      brief: 'Show all cgroups that have programs',
      words: '[ROOT] [effective]',
      examples: ['cgroup tree', 'cgroup tree /sys/fs/cgroup/box effective'],
    }),
    attach: verb(async () => (await import('../commands/cgroup.ts')).attachToCgroup, {
      brief: 'Attach a program to a cgroup until it is detached',
      words: 'CGROUP ATTACH_TYPE PROG [multi | override]',
      examples: ['cgroup attach /sys/fs/cgroup/box lsm_cgroup name deny_bind multi'],
    }),
    detach: verb(async () => (await import('../commands/cgroup.ts')).detachFromCgroup, {
      brief: 'Detach a program from a cgroup',
      words: 'CGROUP ATTACH_TYPE PROG',
      examples: ['cgroup detach /sys/fs/cgroup/box lsm_cgroup name deny_bind'],
    }),
  },
  aliases: { list: 'show' },
  docs: { brief: 'Programs of cgroups' },
});

export const tokenRoutes = buildRouteMap({
  routes: {
    show: verb(async () => (await import('../commands/token.ts')).showTokens, {
      brief: 'Show the bpffs mounts that delegate bpf(2), and what tokens made from them allow',
      words: '',
      examples: ['token show', 'token show --json'],
    }),
  },
  aliases: { list: 'show' },
  docs: { brief: 'BPF tokens' },
});

export const featureRoutes = buildRouteMap({
  routes: {
    probe: verb(async () => (await import('../commands/feature.ts')).probeFeatures, {
      brief: 'Try what the kernel offers: settings, program types, map types',
      words: '[kernel]',
      more: [
        'A type that may not be tried is told apart from one that is not there.',
        'Helpers are not tried: krsi dis and the documentation tell which a program type may call.',
      ],
      examples: ['feature probe', 'feature probe --json'],
    }),
  },
  docs: { brief: 'What the kernel offers' },
});
