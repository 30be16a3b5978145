import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect } from 'vitest';
import { BPF_F, BPF_MAP_TYPE, MS, O, BPF_PROG_TYPE, PROG_LOAD_FLAGS } from '../abi/index.ts';
import { type DrivenTask, startDriver } from './driver/index.ts';
import { assemble } from '../isa/index.ts';
import { cstring } from './executor.ts';
import type { Libc } from './libc.ts';
import { makeMount, mount, placeMount, unmount } from './mount.ts';
import { mustCall, SyscallError } from './must-call.ts';
import { ARRAY, CLOSED, knowsTokens, must, onLinux, refusal } from './testdata/host.ts';
import { type Delegation, delegateFs, enterUserNamespace } from './token.ts';

const CLONE_NEWNS = 0x0002_0000;

const TARGET = mkdtempSync(join(tmpdir(), 'krsi-mount-'));
afterAll(() => rmdirSync(TARGET));

/** A test with a task of its own, in a mount namespace of its own. */
function withTask(name: string, run: (libc: Libc, task: DrivenTask) => void): void {
  onLinux(name, async (libc) => {
    const family = await startDriver(libc);
    try {
      mustCall(family.first, 'unshare', CLONE_NEWNS);
      // What is mounted here must not show up outside.
      mount(family.first, 'none', '/', '', MS.REC | MS.PRIVATE);
      run(libc, family.first);
    } finally {
      await family.close();
    }
  });
}

/** A test of tokens; on an older kernel, that it knows none. */
const withTokens: typeof withTask = (name, run) =>
  withTask(name, (libc, task) => {
    if (knowsTokens(libc)) run(libc, task);
    else expect(refusal(libc, 'TOKEN_CREATE', { bpffsFd: CLOSED }).errno).toBe('EINVAL');
  });

const errnoOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof SyscallError) return error.message;
    throw error;
  }
  return 'no error';
};

describe('mounts', () => {
  withTask('are made, placed and removed', (_libc, task) => {
    const fs = makeMount(task, 'tmpfs', { mode: '0700', size: '1m' });
    placeMount(task, fs, TARGET);
    expect(errnoOf(() => unmount(task, TARGET))).toContain('EBUSY');
    mustCall(task, 'close', fs);
    unmount(task, TARGET);
    expect(errnoOf(() => unmount(task, TARGET))).toBe('umount2: EINVAL: Invalid argument');
    mount(task, 'none', TARGET, 'tmpfs', 0, 'mode=0700');
    unmount(task, TARGET);
  });

  withTask('tell which option is refused', (_libc, task) => {
    expect(errnoOf(() => makeMount(task, 'tmpfs', { mode: 'open' }))).toBe(
      "fsconfig: EINVAL: option mode=open: Invalid argument: tmpfs: Bad value for 'mode'",
    );
    expect(errnoOf(() => makeMount(task, 'tmpfs', { fruit: 'apple' }))).toContain("'fruit'");
    expect(errnoOf(() => makeMount(task, 'no-such-fs'))).toBe('fsopen: ENODEV: No such device');
  });

  withTokens('tell what a bpffs does not delegate', (_libc, task) => {
    expect(errnoOf(() => makeMount(task, 'bpf', { delegate_cmds: 'map_burn' }))).toBe(
      'fsconfig: EINVAL: option delegate_cmds=map_burn: Invalid argument',
    );
  });
});

describe('tokens', () => {
  const delegation: Delegation = {
    cmds: 'map_create:prog_load',
    maps: 'array',
    progs: 'socket_filter',
    attachs: 'any',
  };
  const withToken = (libc: Libc, task: DrivenTask): number => {
    enterUserNamespace(libc, task);
    const { root } = delegateFs(libc, task, delegation);
    return must(task, 'TOKEN_CREATE', { bpffsFd: root });
  };
  const program = {
    progType: BPF_PROG_TYPE.SOCKET_FILTER,
    insns: assemble('r0 = 0\nexit'),
    license: 'GPL',
  };

  withTokens('let a user namespace make what they name, and no more', (libc, task) => {
    const fd = withToken(libc, task);
    const array = { ...ARRAY, maxEntries: 1, mapFlags: BPF_F.TOKEN_FD, mapTokenFd: fd };
    must(task, 'MAP_CREATE', array);
    const hash = { ...array, mapType: BPF_MAP_TYPE.HASH };
    expect(refusal(task, 'MAP_CREATE', hash).errno).toBe('EPERM');
    const progFlags = PROG_LOAD_FLAGS.TOKEN_FD;
    must(task, 'PROG_LOAD', { ...program, progFlags, progTokenFd: fd });
    const xdp = { ...program, progType: BPF_PROG_TYPE.XDP, progFlags, progTokenFd: fd };
    expect(refusal(task, 'PROG_LOAD', xdp).reason).toContain('without a verifier log');
    const btf = refusal(task, 'BTF_LOAD', { btf: new Uint8Array(24), btfTokenFd: fd });
    expect(btf.errno).toBe('EPERM');
  });

  withTokens('are needed there', (libc, task) => {
    withToken(libc, task);
    expect(refusal(task, 'MAP_CREATE', { ...ARRAY, maxEntries: 1 }).errno).toBe('EPERM');
  });

  withTokens('are no other descriptors', (libc, task) => {
    enterUserNamespace(libc, task);
    const { root, mount: path } = delegateFs(libc, task, delegation);
    const with_ = { ...ARRAY, maxEntries: 1, mapFlags: BPF_F.TOKEN_FD, mapTokenFd: root };
    expect(refusal(task, 'MAP_CREATE', with_)).toMatchObject({
      errno: 'EINVAL',
      reason: `Invalid argument; map_token_fd ${root} is no token`,
    });
    // The descriptor of the mount itself stands for a path only.
    expect(refusal(task, 'TOKEN_CREATE', { bpffsFd: path }).errno).toBe('EBADF');
  });

  withTokens('are delegated by the privileged only', (libc, task) => {
    enterUserNamespace(libc, task);
    expect(errnoOf(() => delegateFs(task, task, delegation))).toBe(
      'fsconfig: EPERM: option delegate_cmds=map_create:prog_load: Operation not permitted',
    );
  });

  onLinux('are not made in the initial user namespace', (libc, scope) => {
    const mounted = scope.own(makeMount(libc, 'bpf'));
    const bpffsFd = scope.own(mustCall(libc, 'openat', mounted, cstring('.'), O.DIRECTORY));
    const known = knowsTokens(libc) ? 'EOPNOTSUPP' : 'EINVAL';
    expect(refusal(libc, 'TOKEN_CREATE', { bpffsFd }).errno).toBe(known);
  });
});
