import { KNOWN_RELEASES, type KnownRelease } from './releases.ts';

/** Hooks, without the `bpf_lsm_` prefix, that share an attribute on some kernels. */
export interface HookGroup {
  readonly releases: readonly KnownRelease[];
  readonly hooks: ReadonlySet<string>;
}

const names = (list: string): ReadonlySet<string> => new Set(list.trim().split(/\s+/));

/** Hooks that no program may attach to (`bpf_lsm_disabled_hooks`). */
export const DISABLED: readonly HookGroup[] = [
  {
    releases: KNOWN_RELEASES,
    hooks: names('getselfattr'),
  },
  {
    releases: ['6.12.86', '6.12.95', '6.18.15', '7.3.4'],
    hooks: names(`
      audit_rule_match getprocattr inode_copy_up_xattr inode_getsecurity inode_listsecurity
      inode_need_killpriv ismaclabel key_getsecurity setprocattr vm_enough_memory
    `),
  },
  {
    releases: ['7.3.4'],
    hooks: names('file_alloc_security xfrm_decode_session'),
  },
];

/** Hooks called where a program may sleep (`sleepable_lsm_hooks`). */
export const SLEEPABLE: readonly HookGroup[] = [
  {
    releases: KNOWN_RELEASES,
    hooks: names(`
      bpf bpf_map bpf_map_alloc_security bpf_map_create bpf_map_free bpf_map_free_security
      bpf_prog bpf_prog_load bpf_token_capable bpf_token_cmd bpf_token_create bpf_token_free
      bprm_check_security bprm_committed_creds bprm_committing_creds bprm_creds_for_exec
      bprm_creds_from_file capget capset cred_prepare current_getsecid_subj file_ioctl
      file_lock file_open file_post_open file_receive inode_create inode_free_security
      inode_getattr inode_getxattr inode_mknod inode_post_setxattr inode_readlink
      inode_rename inode_rmdir inode_setattr inode_setxattr inode_symlink inode_unlink
      kernel_module_request kernel_read_file kernfs_init_security key_free mmap_file
      netlink_send path_notify release_secctx sb_alloc_security sb_eat_lsm_opts
      sb_kern_mount sb_mount sb_remount sb_set_mnt_opts sb_show_options sb_statfs sb_umount
      settime socket_accept socket_bind socket_connect socket_create socket_getpeername
      socket_getpeersec_dgram socket_getsockname socket_getsockopt socket_listen
      socket_post_create socket_recvmsg socket_sendmsg socket_shutdown socket_socketpair
      syslog task_alloc task_getsecid_obj task_prctl task_setscheduler userns_create
    `),
  },
  {
    releases: ['6.1.0', '6.12.86', '6.12.95', '6.18.15'],
    hooks: names('bpf_prog_free'),
  },
  {
    releases: ['6.12.86', '6.12.95', '6.18.15', '7.3.4'],
    hooks: names(`
      path_chmod path_chown path_link path_mkdir path_rename path_rmdir path_symlink
      path_truncate path_unlink
    `),
  },
  {
    releases: ['6.1.0', '6.12.86', '6.18.15'],
    hooks: names('inet_conn_established'),
  },
  {
    releases: ['6.12.86', '6.18.15'],
    hooks: names('task_to_inode'),
  },
  {
    releases: ['6.18.15', '7.3.4'],
    hooks: names('inode_post_removexattr inode_removexattr'),
  },
  {
    releases: ['6.1.0'],
    hooks: names('inode_need_killpriv'),
  },
  {
    releases: ['7.3.4'],
    hooks: names('bdev_alloc_security bdev_setintegrity'),
  },
];

/** Hooks that answer 0 or 1 instead of 0 or an errno (`bool_lsm_hooks`). */
export const BOOLEAN = names('audit_rule_known inode_xattr_skipcap xfrm_state_pol_flow_match');

/** Hooks whose pointers may not be trusted, as their objects are half made or half gone (`untrusted_lsm_hooks`). */
export const UNTRUSTED: readonly HookGroup[] = [
  {
    releases: ['6.12.86', '6.12.95', '6.18.15', '7.3.4'],
    hooks: names(`
      bpf_map_free bpf_prog_free file_alloc_security file_free_security sk_alloc_security
      sk_free_security task_free
    `),
  },
  {
    releases: ['7.3.4'],
    hooks: names('bdev_alloc_security bdev_free_security'),
  },
];

/** What a hook answers when no LSM has an opinion, where that is not 0; each errno by its hooks. */
export const DEFAULTS: readonly (HookGroup & { readonly value: number })[] = [
  {
    value: -95, // EOPNOTSUPP
    releases: KNOWN_RELEASES,
    hooks: names(`
      dentry_init_security getselfattr inode_copy_up_xattr inode_getsecctx inode_getsecurity
      inode_setsecurity lsmprop_to_secctx secid_to_secctx setselfattr
    `),
  },
  {
    value: -95,
    releases: ['6.12.86', '6.12.95', '6.18.15', '7.3.4'],
    hooks: names('inode_init_security'),
  },
  {
    value: -92, // ENOPROTOOPT
    releases: ['6.12.86', '6.12.95', '6.18.15', '7.3.4'],
    hooks: names('socket_getpeersec_dgram socket_getpeersec_stream'),
  },
  {
    value: -519, // ENOPARAM
    releases: KNOWN_RELEASES,
    hooks: names('fs_context_parse_param'),
  },
  {
    value: -38, // ENOSYS
    releases: KNOWN_RELEASES,
    hooks: names('task_prctl'),
  },
  {
    value: -22, // EINVAL
    releases: KNOWN_RELEASES,
    hooks: names('getprocattr setprocattr'),
  },
  {
    value: 1,
    releases: KNOWN_RELEASES,
    hooks: names('xfrm_state_pol_flow_match'),
  },
  {
    value: 1,
    releases: ['6.1.0'],
    hooks: names('vm_enough_memory'),
  },
];
