import { BPF_ATTACH_TYPE, BPF_MAP_TYPE, BPF_PROG_TYPE, ERRNO, errnoText } from '../../abi/index.ts';
import { createBtfBuilder } from '../../btf/index.ts';
import { assemble } from '../../isa/index.ts';
import type { BpfResult, MapCreateAttr, ProgLoadAttr } from '../../kernel/index.ts';
import type { Args } from '../bpftool/args.ts';
import { featuresJson, formatFeatures, type Features, type Probe } from '../bpftool/feature.ts';
import { MAP_TYPE_NAMES, PROG_TYPE_NAMES } from '../bpftool/names.ts';
import { closeFd } from '../bpftool/objects.ts';
import { BpftoolError, printJson, type Session } from '../bpftool/session.ts';
import { readSetting } from '../host.ts';

const SLEEPABLE = 1 << 4;
const NO_PREALLOC = 1;
const MMAPABLE = 1 << 10;

/** What a program of some types must say beside its type to come as far as the verifier. */
const PROG_ATTRS: Readonly<Record<number, Partial<ProgLoadAttr>>> = {
  [BPF_PROG_TYPE.CGROUP_SOCK_ADDR]: { expectedAttachType: BPF_ATTACH_TYPE.CGROUP_INET4_CONNECT },
  [BPF_PROG_TYPE.CGROUP_SOCKOPT]: { expectedAttachType: BPF_ATTACH_TYPE.CGROUP_GETSOCKOPT },
  [BPF_PROG_TYPE.SK_LOOKUP]: { expectedAttachType: BPF_ATTACH_TYPE.SK_LOOKUP },
  [BPF_PROG_TYPE.SYSCALL]: { progFlags: SLEEPABLE },
  [BPF_PROG_TYPE.TRACING]: { expectedAttachType: BPF_ATTACH_TYPE.TRACE_FENTRY, attachBtfId: 1 },
  [BPF_PROG_TYPE.LSM]: { expectedAttachType: BPF_ATTACH_TYPE.LSM_MAC, attachBtfId: 1 },
  [BPF_PROG_TYPE.STRUCT_OPS]: { attachBtfId: 1 },
  [BPF_PROG_TYPE.EXT]: { attachBtfId: 1 },
  [BPF_PROG_TYPE.NETFILTER]: { expectedAttachType: BPF_ATTACH_TYPE.NETFILTER },
};

/** Sizes that a type takes, where a key and a value of 4 bytes and one element will not do. */
const MAP_ATTRS: Readonly<Record<number, Partial<MapCreateAttr>>> = {
  [BPF_MAP_TYPE.STACK_TRACE]: { valueSize: 8 },
  [BPF_MAP_TYPE.LPM_TRIE]: { keySize: 8, valueSize: 8, mapFlags: NO_PREALLOC },
  [BPF_MAP_TYPE.CGROUP_STORAGE]: { keySize: 16, valueSize: 8, maxEntries: 0 },
  [BPF_MAP_TYPE.PERCPU_CGROUP_STORAGE]: { keySize: 16, valueSize: 8, maxEntries: 0 },
  [BPF_MAP_TYPE.QUEUE]: { keySize: 0 },
  [BPF_MAP_TYPE.STACK]: { keySize: 0 },
  [BPF_MAP_TYPE.BLOOM_FILTER]: { keySize: 0 },
  [BPF_MAP_TYPE.RINGBUF]: { keySize: 0, valueSize: 0, maxEntries: 4096 },
  [BPF_MAP_TYPE.USER_RINGBUF]: { keySize: 0, valueSize: 0, maxEntries: 4096 },
  [BPF_MAP_TYPE.ARENA]: { keySize: 0, valueSize: 0, maxEntries: 1, mapFlags: MMAPABLE },
};

const LOCAL_STORAGE = new Set<number>([
  BPF_MAP_TYPE.SK_STORAGE,
  BPF_MAP_TYPE.INODE_STORAGE,
  BPF_MAP_TYPE.TASK_STORAGE,
  BPF_MAP_TYPE.CGRP_STORAGE,
]);
const HOLDS_MAPS = new Set<number>([BPF_MAP_TYPE.ARRAY_OF_MAPS, BPF_MAP_TYPE.HASH_OF_MAPS]);

/**
 * A load that came as far as the verifier, which then has something to say, is of a type that the kernel has. EPERM
 * tells nothing: neither that the type is there nor that it is not.
 */
function verdict(result: BpfResult<number>): Probe {
  if (result.ok) return 'yes';
  if (result.errno === ERRNO.EPERM) return { why: errnoText(result.errno) };
  const judged = result.log !== undefined && result.log.trim() !== '';
  return judged || ![ERRNO.EINVAL, ERRNO.EOPNOTSUPP].includes(result.errno as 22) ? 'yes' : 'no';
}

async function probeProgram(session: Session, progType: number): Promise<Probe> {
  const attr = {
    progType,
    insns: assemble('r0 = 0\nexit'),
    license: 'GPL',
    ...PROG_ATTRS[progType],
  };
  return released(session, await session.kernel.self.bpf('PROG_LOAD', attr));
}

async function released(session: Session, result: BpfResult<number>): Promise<Probe> {
  if (result.ok) await closeFd(session, result.value);
  return verdict(result);
}

/** What some types need another object for: the descriptor of a map or of BTF. */
interface Helpers {
  readonly innerMapFd: number | undefined;
  readonly btfFd: number | undefined;
}

async function probeMap(session: Session, mapType: number, helpers: Helpers): Promise<Probe> {
  const { innerMapFd, btfFd } = helpers;
  const plain = { mapType, keySize: 4, valueSize: 4, maxEntries: 1 };
  if (LOCAL_STORAGE.has(mapType)) {
    if (btfFd === undefined) return { why: 'it needs BTF, which could not be loaded' };
    const typed = { btfFd, btfKeyTypeId: 1, btfValueTypeId: 1, maxEntries: 0 };
    const attr = { ...plain, ...typed, mapFlags: NO_PREALLOC };
    return released(session, await session.kernel.self.bpf('MAP_CREATE', attr));
  }
  if (HOLDS_MAPS.has(mapType)) {
    if (innerMapFd === undefined) return { why: 'it needs another map, which could not be made' };
    return released(session, await session.kernel.self.bpf('MAP_CREATE', { ...plain, innerMapFd }));
  }
  if (mapType === BPF_MAP_TYPE.STRUCT_OPS) return { why: 'it needs a type of kernel functions' };
  const attr = { ...plain, ...MAP_ATTRS[mapType] };
  return released(session, await session.kernel.self.bpf('MAP_CREATE', attr));
}

function intBtf(): Uint8Array {
  const builder = createBtfBuilder();
  const int = { kind: 'int', name: 'int', size: 4, bits: 32, bitOffset: 0, signed: true } as const;
  builder.add({ ...int, char: false, bool: false });
  return builder.bytes();
}

async function probeMaps(session: Session): Promise<ReadonlyMap<number, Probe>> {
  const { self } = session.kernel;
  const array = { mapType: BPF_MAP_TYPE.ARRAY, keySize: 4, valueSize: 4, maxEntries: 1 };
  const inner = await self.bpf('MAP_CREATE', array);
  const btf = await self.bpf('BTF_LOAD', { btf: intBtf() });
  const helpers = {
    innerMapFd: inner.ok ? inner.value : undefined,
    btfFd: btf.ok ? btf.value : undefined,
  };
  const probes = new Map<number, Probe>();
  for (const type of MAP_TYPE_NAMES.keys())
    if (type !== BPF_MAP_TYPE.UNSPEC) probes.set(type, await probeMap(session, type, helpers));
  for (const made of [inner, btf]) if (made.ok) await closeFd(session, made.value);
  return probes;
}

async function probePrograms(session: Session): Promise<ReadonlyMap<number, Probe>> {
  const probes = new Map<number, Probe>();
  for (const type of PROG_TYPE_NAMES.keys())
    if (type !== BPF_PROG_TYPE.UNSPEC) probes.set(type, await probeProgram(session, type));
  return probes;
}

async function haveSyscall({ kernel }: Session): Promise<boolean> {
  const answer = await kernel.self.bpf('PROG_GET_NEXT_ID', { startId: 0 });
  return answer.ok || answer.errno !== ERRNO.ENOSYS;
}

/** `feature probe [kernel]` */
export async function probeFeatures(session: Session, args: Args): Promise<void> {
  args.takeKeyword('kernel');
  const word = args.peek();
  if (word !== undefined)
    throw new BpftoolError(`expected no more arguments, 'kernel', got: '${word}'?`);
  const features: Features = {
    settings: {
      unprivilegedBpfDisabled: readSetting('kernel.unprivileged_bpf_disabled'),
      jitEnable: readSetting('net.core.bpf_jit_enable'),
      jitHarden: readSetting('net.core.bpf_jit_harden'),
      jitKallsyms: readSetting('net.core.bpf_jit_kallsyms'),
      jitLimit: readSetting('net.core.bpf_jit_limit'),
    },
    haveSyscall: await haveSyscall(session),
    progTypes: await probePrograms(session),
    mapTypes: await probeMaps(session),
  };
  if (session.output.json) printJson(session, featuresJson(features));
  else session.write(formatFeatures(features));
}
