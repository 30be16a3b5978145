import { describe, expect, it } from 'vitest';
import {
  BPF_ATTACH_TYPE,
  BPF_ATTR,
  BPF_CMD,
  BPF_CMD_ATTR,
  BPF_ELEM,
  BPF_F,
  BPF_LINK_TYPE,
  BPF_MAP_TYPE,
  BPF_PROG_TYPE,
  BPF_STRUCT,
  CAP,
  ERRNO,
  errnoName,
  errnoNameOf,
  errnoText,
  HELPERS,
  MAP,
  O,
  STRUCT_SIZE,
} from './index.ts';

describe('errno', () => {
  it.each([
    [1, 'EPERM', 'Operation not permitted'],
    [-13, 'EACCES', 'Permission denied'],
    [95, 'EOPNOTSUPP', 'Operation not supported'],
    [35, 'EDEADLK', 'Resource deadlock avoided'],
    [-524, 'ENOTSUPP', 'Operation is not supported'],
    [519, 'ENOPARAM', 'Parameter not supported'],
    [-4000, 'errno 4000', 'Unknown error 4000'],
  ])('%i is %s', (number, name, text) => {
    expect(errnoName(number)).toBe(name);
    expect(errnoText(number)).toBe(text);
  });

  it('gives names only to numbers that Linux has', () => {
    expect(errnoNameOf(41)).toBeUndefined();
    expect(ERRNO.EBADFD).toBe(77);
  });
});

describe('numbers of the user ABI', () => {
  it.each([
    ['BPF_TOKEN_CREATE', BPF_CMD.TOKEN_CREATE, 36],
    ['BPF_MAP_TYPE_RINGBUF', BPF_MAP_TYPE.RINGBUF, 27],
    ['BPF_MAP_TYPE_INODE_STORAGE', BPF_MAP_TYPE.INODE_STORAGE, 28],
    ['BPF_PROG_TYPE_LSM', BPF_PROG_TYPE.LSM, 29],
    ['BPF_LSM_MAC', BPF_ATTACH_TYPE.LSM_MAC, 27],
    ['BPF_LSM_CGROUP', BPF_ATTACH_TYPE.LSM_CGROUP, 43],
    ['BPF_LINK_TYPE_TRACING', BPF_LINK_TYPE.TRACING, 2],
    ['BPF_F_MMAPABLE', BPF_F.MMAPABLE, 1024],
    ['BPF_NOEXIST', BPF_ELEM.NOEXIST, 1],
    ['BPF_FUNC_ringbuf_output', HELPERS.indexOf('ringbuf_output'), 130],
    ['BPF_FUNC_cgrp_storage_delete', HELPERS.indexOf('cgrp_storage_delete'), 211],
    ['O_TMPFILE', O.TMPFILE, 0x410000],
    ['MAP_ANONYMOUS', MAP.ANONYMOUS, 32],
    ['CAP_CHECKPOINT_RESTORE', CAP.CHECKPOINT_RESTORE, 40],
  ])('%s', (_, value, expected) => {
    expect(value).toBe(expected);
  });
});

describe('layout of bpf(2) attributes', () => {
  // Measured with a C compiler on the headers of 6.12.
  it.each([
    ['MAP_CREATE map_token_fd', BPF_ATTR.map_create.map_token_fd, 76, 4],
    ['MAP_CREATE map_extra', BPF_ATTR.map_create.map_extra, 64, 8],
    ['MAP_LOOKUP_ELEM flags', BPF_ATTR.map_elem.flags, 24, 8],
    ['MAP_LOOKUP_BATCH count', BPF_ATTR.batch.count, 32, 4],
    ['PROG_LOAD prog_name', BPF_ATTR.prog_load.prog_name, 48, 16],
    ['PROG_LOAD attach_btf_id', BPF_ATTR.prog_load.attach_btf_id, 108, 4],
    ['PROG_LOAD attach_btf_obj_fd', BPF_ATTR.prog_load.attach_btf_obj_fd, 112, 4],
    ['PROG_LOAD prog_token_fd', BPF_ATTR.prog_load.prog_token_fd, 144, 4],
    ['OBJ_PIN path_fd', BPF_ATTR.obj.path_fd, 16, 4],
    ['PROG_QUERY revision', BPF_ATTR.query.revision, 56, 8],
    ['LINK_CREATE tracing.cookie', BPF_ATTR.link_create['tracing.cookie'], 24, 8],
    ['LINK_UPDATE old_prog_fd', BPF_ATTR.link_update.old_prog_fd, 12, 4],
    ['TOKEN_CREATE bpffs_fd', BPF_ATTR.token_create.bpffs_fd, 4, 4],
    ['bpf_prog_info attach_btf_id', BPF_STRUCT.bpf_prog_info.attach_btf_id, 224, 4],
    ['bpf_map_info map_extra', BPF_STRUCT.bpf_map_info.map_extra, 80, 8],
    ['bpf_link_info cgroup_id', BPF_STRUCT.bpf_link_info['cgroup.cgroup_id'], 16, 8],
  ])('%s', (_, field, offset, size) => {
    expect(field).toMatchObject({ offset, size });
  });

  it('is known for every command that a shipped kernel has', () => {
    const missing = Object.keys(BPF_CMD).filter((name) => !(name in BPF_CMD_ATTR));
    expect(missing).toEqual(['PROG_ASSOC_STRUCT_OPS', 'COMMON_ATTRS']);
  });

  it('grows from release to release', () => {
    expect(STRUCT_SIZE.bpf_prog_info['6.12']).toBe(232);
    expect(STRUCT_SIZE.bpf_map_info).toEqual({ '6.1': 88, '6.12': 88, '6.18': 104 });
    expect(BPF_ATTR.map_create.excl_prog_hash.since).toBe('6.18');
  });
});
