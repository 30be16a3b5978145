import { readFileSync } from 'node:fs';
import {
  buildApplication,
  buildCommand,
  buildRouteMap,
  text_en,
  type ApplicationText,
} from '@stricli/core';
import {
  cgroupRoutes,
  featureRoutes,
  linkRoutes,
  mapRoutes,
  progRoutes,
  showBtf,
  tokenRoutes,
} from './bpftool/routes.ts';
import type { DumpFlags } from './commands/btf-dump.ts';
import type { Context, KernelFlags } from './context.ts';
import { doctor, events, load } from './linux-commands.ts';

const { version } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { version: string };

/** Commands are plain functions, loaded when they are called for. */
const lazily =
  <F, A extends readonly unknown[]>(
    load: () => Promise<(context: Context, flags: F, ...args: A) => void | Promise<void>>,
  ) =>
  async () => {
    const command = await load();
    return function bound(this: Context, flags: F, ...args: A): void | Promise<void> {
      return command(this, flags, ...args);
    };
  };

const path = (input: string): string => input;

const kernelFlag = {
  kind: 'parsed',
  parse: path,
  brief: 'Kernel: a shipped series such as 6.12, or a file with its BTF (see krsi btf dump)',
  placeholder: 'KERNEL',
  default: '6.12',
} as const;
const jsonFlag = { kind: 'boolean', brief: 'Print one JSON object', default: false } as const;
const objectParameter = {
  brief: 'Object file that clang built with -target bpf',
  parse: path,
  placeholder: 'OBJECT',
} as const;

const test = buildCommand<KernelFlags, string[], Context>({
  loader: lazily(async () => (await import('./commands/test.ts')).runTests),
  parameters: {
    flags: { kernel: kernelFlag, json: jsonFlag },
    positional: {
      kind: 'array',
      parameter: {
        brief: 'Test files, or folders to look for *.test.ts and *.test.js in (default: .)',
        parse: path,
        placeholder: 'PATH',
      },
    },
  },
  docs: {
    brief: 'Run policy tests on a simulated kernel',
    fullDescription: [
      'Runs each test on a freshly booted simulated kernel and prints its name, verdict and time,',
      'and for each denial: task, hook, program, errno and source line.',
      'Exits with 0 if all passed, 1 if some failed, 2 if there is nothing to run.',
      '',
      'EXAMPLES',
      '  krsi test examples                    all tests below a folder',
      '  krsi test examples --kernel 6.1       the same on the types of Linux 6.1',
      '  krsi test policy.test.ts --json       a report for programs',
    ].join('\n'),
  },
});

const btfDump = buildCommand<DumpFlags, string[], Context>({
  loader: lazily(async () => (await import('./commands/btf-dump.ts')).dumpBtf),
  parameters: {
    flags: {
      format: {
        kind: 'enum',
        values: ['c', 'raw'],
        brief: 'C declarations, or the types one by one; default: c of files, raw of objects',
        optional: true,
      },
    },
    positional: {
      kind: 'array',
      parameter: {
        brief:
          'Shipped series, raw BTF, ELF file with a .BTF section, or vmlinuz; or id N, prog PROG, map MAP',
        parse: path,
        placeholder: 'FILE',
      },
    },
  },
  docs: {
    brief: 'Print the types of a kernel or of an object file',
    fullDescription: [
      'Prints BTF types.',
      '',
      'EXAMPLES',
      '  krsi btf dump 6.12 > vmlinux.h               header of a shipped kernel',
      '  krsi btf dump /sys/kernel/btf/vmlinux        header of the running kernel',
      '  krsi btf dump policy.bpf.o --format raw      types in an object file',
      '  krsi btf dump map name blocked               types of a map in the kernel, as bpftool prints them',
    ].join('\n'),
  },
});

const dis = buildCommand<object, [string, string?], Context>({
  loader: lazily(async () => (await import('./commands/dis.ts')).disassembleObject),
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [
        objectParameter,
        {
          brief: 'Only this program',
          parse: path,
          placeholder: 'PROGRAM',
          optional: true,
        },
      ],
    },
  },
  docs: {
    brief: 'Print the instructions of the programs in an object file',
    fullDescription: [
      'Prints instructions as the Linux verifier writes them, below the source lines they come from.',
      'Subprograms follow the program that calls them.',
      '',
      'EXAMPLES',
      '  krsi dis policy.bpf.o',
      '  krsi dis policy.bpf.o deny_heap_exec',
    ].join('\n'),
  },
});

const object = buildCommand<KernelFlags, [string], Context>({
  loader: lazily(async () => (await import('./commands/object.ts')).showObject),
  parameters: {
    flags: { kernel: kernelFlag, json: jsonFlag },
    positional: { kind: 'tuple', parameters: [objectParameter] },
  },
  docs: {
    brief: 'Show what is in an object file, and how it fits a kernel',
    fullDescription: [
      'Shows programs with their sections and hooks, maps, variables, and what each CO-RE relocation',
      'resolves to on a kernel.',
      '',
      'EXAMPLES',
      '  krsi object policy.bpf.o',
      '  krsi object policy.bpf.o --kernel /sys/kernel/btf/vmlinux --json',
    ].join('\n'),
  },
});

const kernels = buildCommand<{ json: boolean }, [], Context>({
  loader: lazily(async () => (await import('./commands/kernels.ts')).listKernels),
  parameters: { flags: { json: jsonFlag } },
  docs: { brief: 'List the kernels in this package' },
});

const root = buildRouteMap({
  routes: {
    test,
    btf: buildRouteMap({
      routes: { dump: btfDump, show: showBtf },
      aliases: { list: 'show' },
      docs: { brief: 'Look at type information (BTF)' },
    }),
    dis,
    object,
    kernels,
    doctor,
    load,
    events,
    prog: progRoutes,
    map: mapRoutes,
    link: linkRoutes,
    cgroup: cgroupRoutes,
    token: tokenRoutes,
    feature: featureRoutes,
  },
  docs: {
    brief: 'Write, test, explain and load BPF LSM policies',
    fullDescription: [
      'Write, test and explain BPF LSM policies without a kernel; load and watch them on this machine.',
      '',
      'EXAMPLES',
      '  krsi test examples                     run the tests of the example policies',
      '  krsi object policy.bpf.o               what is in an object file',
      '  krsi btf dump 6.12 > vmlinux.h         a header to write policies with',
      '  krsi doctor                            does this machine enforce policies?',
      '  krsi load policy.bpf.o                 enforce one',
      '  krsi link show                         what is attached; verbs and output are those of bpftool',
      '',
      'Exit codes: 0 success, 1 tests failed, 2 the command or its input cannot be used.',
      'The verbs of bpftool (prog, map, link, cgroup, token, feature) have its own: 255 for an error.',
    ].join('\n'),
  },
});

const message = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

/** Only the words: where they go and how they look is decided by who runs the application. */
const text: ApplicationText = {
  ...text_en,
  exceptionWhileParsingArguments: (error) => message(error),
  exceptionWhileRunningCommand: (error) => message(error),
  exceptionWhileLoadingCommandFunction: (error) => message(error),
  exceptionWhileLoadingCommandContext: (error) => message(error),
  commandErrorResult: (error) => message(error),
  noCommandRegisteredForInput: ({ input, corrections }) =>
    `there is no command '${input}'${corrections.length > 0 ? `; did you mean ${corrections.join(' or ')}?` : ''}`,
};

export const app = buildApplication(root, {
  name: 'krsi',
  versionInfo: { currentVersion: version },
  localization: { text },
  documentation: { disableAnsiColor: true, caseStyle: 'convert-camel-to-kebab' },
  scanner: { allowArgumentEscapeSequence: true, caseStyle: 'allow-kebab-for-camel' },
});
