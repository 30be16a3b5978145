import { buildCommand } from '@stricli/core';
import type { EventsFlags } from './commands/events.ts';
import type { LoadFlags } from './commands/load.ts';
import { UsageError, type Context } from './context.ts';

const text = (input: string): string => input;
const optionalText = (brief: string, placeholder: string) =>
  ({ kind: 'parsed', parse: text, brief, placeholder, optional: true }) as const;
const repeated = (brief: string, placeholder: string) =>
  ({ kind: 'parsed', parse: text, brief, placeholder, variadic: true, default: [] }) as const;
const off = (brief: string) => ({ kind: 'boolean', brief, default: false }) as const;

export const load = buildCommand<LoadFlags, [string], Context>({
  loader: async () => {
    const command = (await import('./commands/load.ts')).load;
    return function bound(this: Context, flags: LoadFlags, file: string) {
      return command(this, flags, file);
    };
  },
  parameters: {
    flags: {
      pin: optionalText('Pin links and maps under this folder of a bpffs, and end', 'DIR'),
      cgroup: optionalText('Attach lsm_cgroup programs to this cgroup', 'PATH'),
      token: optionalText('Use a token made from this bpffs', 'BPFFS'),
      var: repeated('Initial value of a global variable', 'NAME=VALUE'),
      map: repeated('Initial contents of a map, as JSON', 'NAME=FILE'),
      allowInactive: off('Load though nobody will ask the LSM programs'),
      log: off("Print the verifier's whole log when it refuses"),
    },
    positional: {
      kind: 'tuple',
      parameters: [
        {
          brief: 'Object file that clang built with -target bpf',
          parse: text,
          placeholder: 'OBJECT',
        },
      ],
    },
  },
  docs: {
    brief: 'Load a policy into the kernel of this machine and attach it',
    fullDescription: [
      'Loads the programs of an object and attaches those whose section says where. Without --pin they are',
      'in force until the command ends; with --pin they stay until the files under DIR are removed.',
      'Whatever fails, nothing is left pinned or attached. Refuses LSM programs where bpf is not among the',
      'active LSMs: they would be attached and never asked.',
      '',
      'A map file is {"KEY": VALUE, …}, or [[KEY, VALUE], …] for keys that are structs.',
      'Integers beyond 2^53 are text: "0xffffffffffffffff". Byte arrays are hexadecimal text: "c0000201".',
      '',
      'EXAMPLES',
      '  krsi load policy.bpf.o',
      '  krsi load policy.bpf.o --pin /sys/fs/bpf/policy',
      '  krsi load policy.bpf.o --var enforce=true --map blocked=blocked.json',
      '  krsi load bind_guard.bpf.o --cgroup /sys/fs/cgroup/box --pin /sys/fs/bpf/bind_guard',
    ].join('\n'),
  },
});

function parseCount(input: string): number {
  const count = Number(input);
  if (!Number.isInteger(count) || count < 1)
    throw new UsageError(`--count takes a number from 1, not ${input}`);
  return count;
}

export const events = buildCommand<EventsFlags, [string?], Context>({
  loader: async () => {
    const command = (await import('./commands/events.ts')).printEvents;
    return function bound(this: Context, flags: EventsFlags, map?: string) {
      return command(this, flags, map);
    };
  },
  parameters: {
    flags: {
      type: optionalText(
        'Type of the records, from the BTF of the programs that write them',
        'STRUCT',
      ),
      count: {
        kind: 'parsed',
        parse: parseCount,
        brief: 'End after this many records',
        placeholder: 'N',
        optional: true,
      },
      json: off('Print each record as JSON in a line'),
    },
    positional: {
      kind: 'tuple',
      parameters: [
        {
          brief:
            'Name of the ring buffer, the path of its pin, or id:N; default: the only one there is',
          parse: text,
          placeholder: 'MAP',
          optional: true,
        },
      ],
    },
  },
  docs: {
    brief: 'Print what policies write to a ring buffer',
    fullDescription: [
      'Prints a line for each record until it is interrupted. With --type records are shown by member,',
      'without it in hexadecimal. Records are taken out of the buffer: another reader does not see them.',
      '',
      'EXAMPLES',
      '  krsi events --type event',
      '  krsi events /sys/fs/bpf/policy/maps/events --type event --json',
      '  krsi events id:12 --count 10',
    ].join('\n'),
  },
});

export const doctor = buildCommand<{ json: boolean }, [], Context>({
  loader: async () => {
    const command = (await import('./commands/doctor.ts')).examine;
    return function bound(this: Context, flags: { json: boolean }) {
      return command(this, flags);
    };
  },
  parameters: { flags: { json: off('Print one JSON object') } },
  docs: {
    brief: 'Tell whether this machine enforces BPF LSM policies, and if not why',
    fullDescription: [
      'Looks at what policies need, then lets a canary prove it: a program that denies one harmless',
      'operation to a child of this command alone is attached, the operation is seen to fail, and the',
      'program is gone again. Nothing is called enforcing without that.',
      '',
      'EXAMPLES',
      '  krsi doctor',
      '  krsi doctor --json',
      '',
      'Exit codes: 0 enforcing, 1 not enforcing, 2 could not tell.',
    ].join('\n'),
  },
});
