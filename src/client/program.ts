import { BPF_ATTACH_TYPE } from '../abi/index.ts';
import type { ProgramSpec } from '../object/spec.ts';
import type { ProgInfo } from '../kernel/index.ts';
import { LoadError } from './errors.ts';
import { bpf, type Fds } from './fds.ts';
import { infoOf } from './info.ts';
import { Link } from './link.ts';
import { pin } from './pin.ts';

export interface AttachOptions {
  /** File descriptor of the cgroup, for `lsm_cgroup/` programs. */
  readonly target?: number;
}

/** Programs whose target the section names, so that attaching needs nothing more. */
const BY_LINK = new Set(['LSM', 'TRACING']);

/** Program types that stand for themselves: where to attach them is no part of the object. */
const ATTACHED_ELSEWHERE = new Set([
  'SOCKET_FILTER',
  'SCHED_CLS',
  'SCHED_ACT',
  'XDP',
  'CGROUP_SKB',
  'CGROUP_SOCK',
  'CGROUP_DEVICE',
  'CGROUP_SOCK_ADDR',
  'CGROUP_SYSCTL',
  'CGROUP_SOCKOPT',
  'SOCK_OPS',
  'SK_SKB',
  'SK_MSG',
  'SK_REUSEPORT',
  'SK_LOOKUP',
  'FLOW_DISSECTOR',
  'LWT_IN',
  'LWT_OUT',
  'LWT_XMIT',
  'LWT_SEG6LOCAL',
  'LIRC_MODE2',
  'NETFILTER',
  'PERF_EVENT',
  'SYSCALL',
]);

/** Whether the object itself says where the program goes. */
export const attachesItself = ({ type }: ProgramSpec): boolean => !ATTACHED_ELSEWHERE.has(type);

/** A program of a loaded collection. */
export class Program {
  readonly name: string;
  readonly spec: ProgramSpec;
  readonly fd: number;
  readonly #file: string;
  readonly #fds: Fds;

  constructor(spec: ProgramSpec, fd: number, file: string, fds: Fds) {
    this.name = spec.name;
    this.spec = spec;
    this.fd = fd;
    this.#file = file;
    this.#fds = fds;
  }

  /**
   * Attaches the program to what its section names.
   * @throws LoadError for a program type that cannot be attached this way; BpfError when the kernel refuses.
   */
  async attach(options: AttachOptions = {}): Promise<Link> {
    const attachType = this.#attachType();
    if (this.spec.attachType === 'LSM_CGROUP' && options.target === undefined)
      throw this.#error('give the file descriptor of a cgroup as target to attach to');
    const target = options.target === undefined ? {} : { targetFd: options.target };
    const attr = { progFd: this.fd, attachType, ...target };
    const fd = await bpf(this.#fds.task, 'LINK_CREATE', attr, this.#subject);
    return new Link(this.#fds, fd, `link of ${this.#subject}`);
  }

  /** What the kernel tells of it. */
  info(): Promise<ProgInfo> {
    return infoOf(this.#fds.task, this.fd, 'prog', this.#subject);
  }

  /** Keeps the program loaded under a name in a bpffs. It does not keep it attached: pin its link for that. */
  async pin(path: string): Promise<void> {
    await pin(this.#fds.task, this.fd, path, this.#subject);
  }

  get #subject(): string {
    return `program '${this.name}'`;
  }

  #attachType(): number {
    const { type, attachType } = this.spec;
    if (!BY_LINK.has(type) || attachType === undefined || !(attachType in BPF_ATTACH_TYPE))
      throw this.#error(`attaching programs of section ${this.spec.section} is not supported`);
    return BPF_ATTACH_TYPE[attachType as keyof typeof BPF_ATTACH_TYPE];
  }

  #error(why: string): LoadError {
    return new LoadError({ file: this.#file, kind: 'program', subject: this.name }, why);
  }
}
