/** Defaults of the hooks whose "no opinion" is not 0 (include/linux/lsm_hook_defs.h). */
const DEFAULTS: Readonly<Record<string, number>> = {
  fs_context_parse_param: -519,
  dentry_init_security: -95,
  inode_init_security: -95,
  inode_getsecurity: -95,
  inode_setsecurity: -95,
  inode_copy_up_xattr: -95,
  task_prctl: -38,
  getselfattr: -95,
  setselfattr: -95,
  getprocattr: -22,
  setprocattr: -22,
  secid_to_secctx: -95,
  inode_getsecctx: -95,
  socket_getpeersec_stream: -92,
  socket_getpeersec_dgram: -92,
  xfrm_state_pol_flow_match: 1,
};

/** What the hook gives when no LSM has an opinion. */
export const hookDefault = (_release: string, hook: string): number => DEFAULTS[hook] ?? 0;
