import { ERRNO } from '../abi/index.ts';
import { cstring, type Executor, textOf } from './executor.ts';
import { SYS } from './numbers.ts';

export type FdKind = 'prog' | 'map' | 'link' | 'btf' | 'token';

const BY_LINK: readonly (readonly [pattern: RegExp, kind: FdKind])[] = [
  [/^anon_inode:\[?bpf-prog/, 'prog'],
  [/^anon_inode:\[?bpf-map/, 'map'],
  // `bpf_link` when the descriptor came with the link, `bpf-link` when it was opened later.
  [/^anon_inode:\[?bpf[-_]link/, 'link'],
  [/^anon_inode:\[?btf/, 'btf'],
  [/^\/bpf-token\b/, 'token'],
];

/**
 * What stands behind a descriptor of the executor's task, as its link in /proc tells.
 * @returns `unknown` where there is no /proc to ask.
 */
export function kindOfFd(executor: Executor, fd: number): FdKind | 'other' | 'closed' | 'unknown' {
  const bytes = new Uint8Array(64);
  const ask = (path: string): number =>
    executor.syscall(SYS.readlink, cstring(path), { bytes }, bytes.length);
  const length = ask(`/proc/thread-self/fd/${fd}`);
  if (length < 0) {
    if (length !== -ERRNO.ENOENT) return 'unknown';
    return ask('/proc/thread-self') === -ERRNO.ENOENT ? 'unknown' : 'closed';
  }
  const target = textOf(bytes.subarray(0, length));
  return BY_LINK.find(([pattern]) => pattern.test(target))?.[1] ?? 'other';
}
