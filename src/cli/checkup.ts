import { CAP, ERRNO } from '../abi/index.ts';
import type { Kernel } from '../kernel/index.ts';
import { unescapeMount } from './bpftool/token.ts';
import { readSetting, readText } from './host.ts';
import { lsmsIn, readSecurityfs, whyInactive, type SecurityText } from './securityfs.ts';

/** One thing that policies need of a machine, or that limits them. */
export interface Check {
  readonly name: string;
  /** `no`: policies suffer from it. `info`: neither good nor bad. `unknown`: it could not be told. */
  readonly state: 'ok' | 'no' | 'info' | 'unknown';
  readonly text: string;
  /** What to do about it. */
  readonly fix?: string;
}

function lsmCheck(lsm: SecurityText): Check {
  const name = 'active LSMs';
  const lsms = lsmsIn(lsm);
  if ('unknown' in lsms) return { name, state: 'unknown', text: lsms.unknown };
  const text = lsms.names.join(',');
  if (whyInactive(lsms) === undefined) return { name, state: 'ok', text };
  const fix = `boot with lsm=${text},bpf on the kernel command line`;
  return {
    name,
    state: 'no',
    text: `${text}: bpf is not among them, so nobody asks LSM programs`,
    fix,
  };
}

async function btfCheck(kernel: Kernel): Promise<Check> {
  const name = 'BTF';
  try {
    const { length } = await kernel.btf();
    return { name, state: 'ok', text: `${length} bytes` };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return { name, state: 'no', text, fix: 'use a kernel built with CONFIG_DEBUG_INFO_BTF' };
  }
}

function jitCheck(): Check {
  const name = 'JIT compiler';
  const value = readSetting('net.core.bpf_jit_enable');
  if (value === undefined)
    return { name, state: 'unknown', text: 'net.core.bpf_jit_enable cannot be read' };
  if (value > 0) return { name, state: 'ok', text: 'on' };
  const fix = 'sysctl net.core.bpf_jit_enable=1';
  return { name, state: 'no', text: 'off: LSM programs need it', fix };
}

function mountCheck(name: string, type: string, fix: string): Check {
  const mounts = readText('/proc/self/mounts');
  if (mounts === undefined) return { name, state: 'unknown', text: '/proc is not mounted' };
  const paths = mounts
    .split('\n')
    .map((line) => line.split(' '))
    .filter((fields) => fields[2] === type)
    .map((fields) => unescapeMount(fields[1] ?? ''));
  if (paths.length > 0) return { name, state: 'ok', text: paths.join(', ') };
  return { name, state: 'no', text: 'not mounted', fix };
}

const NEEDED = ['BPF', 'PERFMON'] as const;

function capabilityCheck(): Check {
  const name = 'capabilities';
  const found = /^CapEff:\s*([\da-f]+)/m.exec(readText('/proc/self/status') ?? '')?.[1];
  if (found === undefined)
    return { name, state: 'unknown', text: '/proc/self/status has no CapEff' };
  const mask = BigInt(`0x${found}`);
  const has = (cap: keyof typeof CAP): boolean => ((mask >> BigInt(CAP[cap])) & 1n) === 1n;
  if (has('SYS_ADMIN')) return { name, state: 'ok', text: 'CAP_SYS_ADMIN' };
  const missing = NEEDED.filter((cap) => !has(cap));
  if (missing.length === 0)
    return { name, state: 'ok', text: NEEDED.map((cap) => `CAP_${cap}`).join(', ') };
  const fix = 'run as root, with these capabilities, or with a BPF token';
  return {
    name,
    state: 'no',
    text: `missing ${missing.map((cap) => `CAP_${cap}`).join(', ')}`,
    fix,
  };
}

const UNPRIVILEGED = [
  'open to all users',
  'closed to users without CAP_BPF, until the next boot',
  'closed to users without CAP_BPF',
];

function unprivilegedCheck(): Check {
  const name = 'unprivileged bpf(2)';
  const value = readSetting('kernel.unprivileged_bpf_disabled');
  if (value === undefined)
    return { name, state: 'unknown', text: 'kernel.unprivileged_bpf_disabled cannot be read' };
  return { name, state: 'info', text: UNPRIVILEGED[value] ?? `unknown setting ${value}` };
}

function ftraceCheck(): Check {
  const name = 'ftrace';
  const value = readSetting('kernel.ftrace_enabled');
  if (value === undefined)
    return { name, state: 'info', text: 'the kernel has no kernel.ftrace_enabled' };
  if (value !== 0) return { name, state: 'ok', text: 'on' };
  const text = 'off: with it all LSM programs are silently off';
  return { name, state: 'no', text, fix: 'sysctl kernel.ftrace_enabled=1' };
}

/** A descriptor that is none is told from a command that is none. */
async function tokenCheck({ self }: Kernel): Promise<Check> {
  const name = 'BPF tokens';
  const result = await self.bpf('TOKEN_CREATE', { bpffsFd: -1 });
  if (result.ok || result.errno === ERRNO.EBADF) return { name, state: 'ok', text: 'supported' };
  if (result.errno === ERRNO.EINVAL)
    return { name, state: 'info', text: 'not supported: they came with Linux 6.9' };
  return { name, state: 'unknown', text: result.reason };
}

function lockdownCheck(lockdown: SecurityText): Check {
  const name = 'lockdown';
  // Without the lockdown LSM there is no such file, and nothing is locked.
  if ('unknown' in lockdown) return { name, state: 'info', text: 'none' };
  const level = /\[(\w+)\]/.exec(lockdown.text)?.[1] ?? lockdown.text;
  if (level !== 'confidentiality') return { name, state: 'info', text: level };
  return { name, state: 'no', text: `${level}: programs may not read kernel memory by address` };
}

/** What can be told of a machine without attaching anything to it. */
export async function checkMachine(kernel: Kernel): Promise<readonly Check[]> {
  const { lsm, lockdown } = await readSecurityfs('lsm', 'lockdown');
  return [
    { name: 'kernel', state: 'info', text: kernel.release },
    lsmCheck(lsm),
    await btfCheck(kernel),
    jitCheck(),
    mountCheck('bpffs', 'bpf', 'mount -t bpf bpf /sys/fs/bpf'),
    mountCheck('cgroup v2', 'cgroup2', 'mount -t cgroup2 none /sys/fs/cgroup'),
    capabilityCheck(),
    unprivilegedCheck(),
    ftraceCheck(),
    await tokenCheck(kernel),
    lockdownCheck(lockdown),
  ];
}
