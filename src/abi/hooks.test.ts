import { describe, expect, it } from 'vitest';
import { hookAttributes, nearestRelease } from './index.ts';

describe('nearest known release', () => {
  it.each([
    ['6.1.0-50-cloud-amd64', '6.1.0', true],
    ['6.12.95+deb12-cloud-amd64', '6.12.95', true],
    ['6.12.90', '6.12.86', false],
    ['6.12.3', '6.12.86', false],
    ['6.12', '6.12.95', false],
    ['6.17.2-1', '6.12.95', false],
    ['6.18.15+deb13-cloud-amd64', '6.18.15', true],
    ['7.5.0', '7.3.4', false],
    ['5.15.0', '6.1.0', false],
    ['unknown', '6.1.0', false],
  ])('%s stands on %s (exact: %s)', (release, known, exact) => {
    expect(nearestRelease(release)).toEqual({ release: known, exact });
  });
});

describe('hook attributes drift', () => {
  const everywhere = ['6.1', '6.12.86', '6.12.95', '6.18.15', '7.3.4'];
  const rows: readonly [attribute: string, hook: string, values: readonly unknown[]][] = [
    ['disabled', 'vm_enough_memory', [false, true, true, true, true]],
    ['disabled', 'xfrm_decode_session', [false, false, false, false, true]],
    ['disabled', 'file_open', [false, false, false, false, false]],
    ['sleepable', 'file_open', [true, true, true, true, true]],
    ['sleepable', 'file_mprotect', [false, false, false, false, false]],
    ['sleepable', 'path_unlink', [false, true, true, true, true]],
    // A stable update took these out of one series before the other.
    ['sleepable', 'inet_conn_established', [true, true, false, true, false]],
    ['sleepable', 'task_to_inode', [false, true, false, true, false]],
    ['sleepable', 'bdev_setintegrity', [false, false, false, false, true]],
    ['trustedArguments', 'file_open', [false, true, true, true, true]],
    ['trustedArguments', 'task_free', [false, false, false, false, false]],
    ['trustedArguments', 'bdev_free_security', [false, true, true, true, false]],
    ['voidPointerArguments', 'inode_setxattr', [false, false, false, true, true]],
    ['defaultResult', 'file_open', [0, 0, 0, 0, 0]],
    ['defaultResult', 'vm_enough_memory', [1, 0, 0, 0, 0]],
    ['defaultResult', 'task_prctl', [-38, -38, -38, -38, -38]],
    ['defaultResult', 'inode_init_security', [0, -95, -95, -95, -95]],
    ['defaultResult', 'socket_getpeersec_stream', [0, -92, -92, -92, -92]],
    ['defaultResult', 'fs_context_parse_param', [-519, -519, -519, -519, -519]],
    ['defaultResult', 'xfrm_state_pol_flow_match', [1, 1, 1, 1, 1]],
  ];
  it.each(rows)('%s of %s', (attribute, hook, values) => {
    const found = everywhere.map(
      (release) => hookAttributes(release, hook)[attribute as 'disabled'],
    );
    expect(found).toEqual(values);
  });

  it.each([
    ['6.1', 'file_open', undefined],
    ['6.12', 'file_open', { min: -4095, max: 0 }],
    ['6.12', 'task_prctl', { min: -4095, max: 0 }],
    ['6.12', 'inode_xattr_skipcap', { min: 0, max: 1 }],
  ])('%s checks R0 at the exit of %s', (release, hook, range) => {
    expect(hookAttributes(release, hook).returnRange).toEqual(range);
  });
});
