import type { LinkInfo } from '../kernel/index.ts';
import { bpf, type Fds } from './fds.ts';
import { infoOf } from './info.ts';
import { pin } from './pin.ts';
import type { HasFd } from './map.ts';

const REPLACE = 4;

/** An attachment: it lasts until it is closed, or its last pin is removed. */
export class Link {
  readonly fd: number;
  readonly #fds: Fds;
  readonly #subject: string;

  /** @param subject names it in messages. */
  constructor(fds: Fds, fd: number, subject: string) {
    this.fd = fds.own(fd);
    this.#fds = fds;
    this.#subject = subject;
  }

  /** What the kernel tells of it. The id of the cgroup is 0 once the cgroup is gone. */
  info(): Promise<LinkInfo> {
    return infoOf(this.#fds.task, this.fd, 'link', this.#subject);
  }

  /** Keeps it attached, under a name in a bpffs, also when this process has ended. */
  async pin(path: string): Promise<void> {
    await pin(this.#fds.task, this.fd, path, this.#subject);
  }

  /**
   * Puts another program in the place of the present one, with no moment without either. Cgroup links can; tracing
   * links, which those of `lsm/` programs are, cannot (EINVAL).
   * @param old what must be attached now, else EPERM.
   */
  async update(program: HasFd, old?: HasFd): Promise<void> {
    const replace = old === undefined ? {} : { oldProgFd: old.fd, flags: REPLACE };
    const attr = { linkFd: this.fd, newProgFd: program.fd, ...replace };
    await bpf(this.#fds.task, 'LINK_UPDATE', attr, this.#subject);
  }

  /** Detaches it although others hold it. Cgroup links can; tracing links cannot (EOPNOTSUPP). */
  async detach(): Promise<void> {
    await bpf(this.#fds.task, 'LINK_DETACH', { linkFd: this.fd }, this.#subject);
  }

  close(): Promise<void> {
    return this.#fds.close(this.fd);
  }
}
