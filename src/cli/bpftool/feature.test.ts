import { describe, expect, it } from 'vitest';
import { BPF_MAP_TYPE, BPF_PROG_TYPE } from '../../abi/index.ts';
import { featuresJson, formatFeatures, type Features, type Probe } from './feature.ts';
import { golden } from './testdata/golden.ts';
import { jsonText } from './json.ts';

const features: Features = {
  settings: {
    unprivilegedBpfDisabled: 2,
    jitEnable: 1,
    jitHarden: 0,
    jitKallsyms: 1,
    jitLimit: 528482304,
  },
  haveSyscall: true,
  progTypes: new Map<number, Probe>([
    [BPF_PROG_TYPE.SOCKET_FILTER, 'yes'],
    [BPF_PROG_TYPE.LIRC_MODE2, 'no'],
    [BPF_PROG_TYPE.LSM, { why: 'Operation not permitted' }],
  ]),
  mapTypes: new Map<number, Probe>([[BPF_MAP_TYPE.HASH, 'yes']]),
};

describe('feature probe', () => {
  it('is as bpftool prints it, and tells what could not be tried', () => {
    expect(formatFeatures(features)).toBe(
      [
        'Scanning system configuration...',
        'bpf() syscall restricted to privileged users (admin can change)',
        'JIT compiler is enabled',
        'JIT compiler hardening is disabled',
        'JIT compiler kallsyms exports are enabled for root',
        'Global memory limit for JIT compiler for unprivileged users is 528482304 bytes',
        '',
        'Scanning system call availability...',
        'bpf() syscall is available',
        '',
        'Scanning eBPF program types...',
        'eBPF program_type socket_filter is available',
        'eBPF program_type lirc_mode2 is NOT available',
        'eBPF program_type lsm could not be tried: Operation not permitted',
        '',
        'Scanning eBPF map types...',
        'eBPF map_type hash is available',
        '',
      ].join('\n'),
    );
  });

  it('is as bpftool prints it in JSON, with null for what could not be tried', () => {
    expect(jsonText(featuresJson(features))).toBe(golden('feature-probe'));
  });

  it('says which settings cannot be read', () => {
    const settings = { ...features.settings, jitEnable: undefined, unprivilegedBpfDisabled: 9 };
    const text = formatFeatures({ ...features, settings });
    expect(text).toContain('Unable to retrieve JIT-compiler status\n');
    expect(text).toContain('bpf() syscall restriction has unknown value 9\n');
  });
});
