import { describe, expect, it } from 'vitest';
import { HELPERS, lsmHelperRefusal, type LsmProgramKind } from './index.ts';

const mac = { attachType: 'LSM_MAC', voidHook: false, sleepable: false } as const;
const KINDS: Record<string, LsmProgramKind> = {
  'lsm/file_open': { ...mac, hook: 'file_open' },
  'lsm.s/file_open': { ...mac, hook: 'file_open', sleepable: true },
  'lsm/task_free': { ...mac, hook: 'task_free', voidHook: true },
  'lsm_cgroup/socket_bind': { ...mac, attachType: 'LSM_CGROUP', hook: 'socket_bind' },
  'lsm_cgroup/inet_csk_clone': {
    ...mac,
    attachType: 'LSM_CGROUP',
    hook: 'inet_csk_clone',
    voidHook: true,
  },
};

/** `1-3,5` */
function ranges(ids: readonly number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < ids.length;) {
    let end = i;
    while (ids[end + 1] === ids[end]! + 1) end++;
    parts.push(end === i ? `${ids[i]}` : `${ids[i]}-${ids[end]}`);
    i = end + 1;
  }
  return parts.join(',');
}

describe('helpers that a LSM program may call', () => {
  // Measured: one program for each helper, loaded into the kernel.
  it.each([
    [
      '6.1.0-50-cloud-amd64',
      'lsm/file_open',
      '1-8,12,14-16,22,25,27,35-37,42,45-46,55,67,80,87-89,93-94,105-109,111-115,117-118,120-121,123,125,130-134,' +
        '136-141,145-147,149,153-154,156-159,162,164-165,169-172,174-178,180-185,188,194-203,208-209',
    ],
    [
      '6.12.95+deb12-cloud-amd64',
      'lsm.s/file_open',
      '1-8,12,14-16,22,25,27,35-37,42,45-46,55,67,80,87-89,93-94,105-109,111-115,117-118,120-121,123,125,130-134,' +
        '136-141,145-149,153-154,156-159,161-162,164-165,169-172,174-178,180-185,188,191,193-203,208-211',
    ],
    [
      '6.18.15+deb13-cloud-amd64',
      'lsm_cgroup/inet_csk_clone',
      '1-8,12,14-17,22,25,27,35-37,42,45-46,49,55,57,67,80-81,87-89,93-94,105-109,111-115,117-118,120-121,123,' +
        '125,130-134,136-141,145-146,149,153-154,156-159,162,164-165,169-172,175-178,180-182,186,188,194-203,208-211',
    ],
  ])('on %s for %s', (release, kind, allowed) => {
    const ids = [...HELPERS.keys()].filter(
      (id) => lsmHelperRefusal(release, KINDS[kind]!, id) === undefined,
    );
    expect(ranges(ids)).toBe(allowed);
  });

  it.each([
    ['6.1', 'lsm/file_open', 148, 'unknown func bpf_copy_from_user#148'],
    ['6.1', 'lsm/file_open', 210, 'invalid func unknown#210'],
    ['6.1', 'lsm/task_free', 147, 'helper call is not allowed in probe'],
    ['6.12', 'lsm/file_open', 148, 'helper call might sleep in a non-sleepable prog'],
    ['6.12', 'lsm/file_open', 9, 'program of this type cannot use helper bpf_skb_store_bytes#9'],
    ['6.12', 'lsm/file_open', 173, 'func bpf_get_func_ip#173 not supported for program type 29'],
    ['6.12', 'lsm/file_open', 212, 'invalid func unknown#212'],
    ['6.12', 'lsm/file_open', 0, 'invalid func unknown#0'],
    ['6.12', 'lsm/file_open', 187, 'program of this type cannot use helper bpf_set_retval#187'],
    [
      '6.12',
      'lsm_cgroup/socket_bind',
      49,
      'program of this type cannot use helper bpf_setsockopt#49',
    ],
    [
      '6.12',
      'lsm_cgroup/inet_csk_clone',
      187,
      "BPF_LSM_CGROUP that attach to void LSM hooks can't modify return value!",
    ],
  ])('on %s a %s program is told of helper %i: %s', (release, kind, id, message) => {
    expect(lsmHelperRefusal(release, KINDS[kind]!, id)).toBe(message);
  });
});
