import { jsonObject, type Json, type JsonObject } from './json.ts';
import { MAP_TYPE_NAMES, PROG_TYPE_NAMES, typeName } from './names.ts';

/** Whether the kernel has something; `why` it could not be told. */
export type Probe = 'yes' | 'no' | { readonly why: string };

export interface Features {
  /** Values of sysctls; undefined where they cannot be read. */
  readonly settings: {
    readonly unprivilegedBpfDisabled: number | undefined;
    readonly jitEnable: number | undefined;
    readonly jitHarden: number | undefined;
    readonly jitKallsyms: number | undefined;
    readonly jitLimit: number | undefined;
  };
  readonly haveSyscall: boolean;
  /** By number of the type. */
  readonly progTypes: ReadonlyMap<number, Probe>;
  readonly mapTypes: ReadonlyMap<number, Probe>;
}

interface Setting {
  readonly key: keyof Features['settings'];
  readonly json: string;
  /** Sentences by value. */
  readonly says: readonly string[];
  readonly unread: string;
  readonly unknown: (value: number) => string;
}

const SETTINGS: readonly Setting[] = [
  {
    key: 'unprivilegedBpfDisabled',
    json: 'unprivileged_bpf_disabled',
    says: [
      'bpf() syscall for unprivileged users is enabled',
      'bpf() syscall restricted to privileged users (without recovery)',
      'bpf() syscall restricted to privileged users (admin can change)',
    ],
    unread: 'Unable to retrieve required privileges for bpf() syscall',
    unknown: (value) => `bpf() syscall restriction has unknown value ${value}`,
  },
  {
    key: 'jitEnable',
    json: 'bpf_jit_enable',
    says: [
      'JIT compiler is disabled',
      'JIT compiler is enabled',
      'JIT compiler is enabled with debugging traces in kernel logs',
    ],
    unread: 'Unable to retrieve JIT-compiler status',
    unknown: (value) => `JIT-compiler status has unknown value ${value}`,
  },
  {
    key: 'jitHarden',
    json: 'bpf_jit_harden',
    says: [
      'JIT compiler hardening is disabled',
      'JIT compiler hardening is enabled for unprivileged users',
      'JIT compiler hardening is enabled for all users',
    ],
    unread: 'Unable to retrieve JIT hardening status',
    unknown: (value) => `JIT hardening status has unknown value ${value}`,
  },
  {
    key: 'jitKallsyms',
    json: 'bpf_jit_kallsyms',
    says: [
      'JIT compiler kallsyms exports are disabled',
      'JIT compiler kallsyms exports are enabled for root',
    ],
    unread: 'Unable to retrieve JIT kallsyms export status',
    unknown: (value) => `JIT kallsyms exports status has unknown value ${value}`,
  },
  {
    key: 'jitLimit',
    json: 'bpf_jit_limit',
    says: [],
    unread: 'Unable to retrieve global memory limit for JIT compiler for unprivileged users',
    unknown: (value) =>
      `Global memory limit for JIT compiler for unprivileged users is ${value} bytes`,
  },
];

const sentence = (value: number | undefined, setting: Setting): string =>
  value === undefined ? setting.unread : (setting.says[value] ?? setting.unknown(value));

function probeText(what: string, probe: Probe): string {
  if (probe === 'yes') return `${what} is available`;
  return probe === 'no' ? `${what} is NOT available` : `${what} could not be tried: ${probe.why}`;
}

const section = (title: string, lines: readonly string[]): string =>
  `${[title, ...lines].join('\n')}\n`;

/** `feature probe` for people. */
export function formatFeatures({ settings, haveSyscall, progTypes, mapTypes }: Features): string {
  const types = (what: string, probes: Features['progTypes'], names: ReadonlyMap<number, string>) =>
    [...probes].map(([type, probe]) => probeText(`eBPF ${what} ${typeName(names, type)}`, probe));
  return [
    section(
      'Scanning system configuration...',
      SETTINGS.map((setting) => sentence(settings[setting.key], setting)),
    ),
    section('Scanning system call availability...', [
      probeText('bpf() syscall', haveSyscall ? 'yes' : 'no'),
    ]),
    section('Scanning eBPF program types...', types('program_type', progTypes, PROG_TYPE_NAMES)),
    section('Scanning eBPF map types...', types('map_type', mapTypes, MAP_TYPE_NAMES)),
  ].join('\n');
}

/** Null stands for what could not be told. */
const probeJson = (probe: Probe): Json => (typeof probe === 'string' ? probe === 'yes' : null);

/** `feature probe --json`. A setting that cannot be read is -1. */
export const featuresJson = (features: Features): JsonObject => {
  const types = (probes: Features['progTypes'], names: ReadonlyMap<number, string>, kind: string) =>
    jsonObject(
      [...probes].map(([type, probe]) => [
        `have_${names.get(type) ?? type}_${kind}_type`,
        probeJson(probe),
      ]),
    );
  return jsonObject([
    [
      'system_config',
      jsonObject(SETTINGS.map(({ key, json }) => [json, features.settings[key] ?? -1])),
    ],
    ['syscall_config', jsonObject([['have_bpf_syscall', features.haveSyscall]])],
    ['program_types', types(features.progTypes, PROG_TYPE_NAMES, 'prog')],
    ['map_types', types(features.mapTypes, MAP_TYPE_NAMES, 'map')],
  ]);
};
