import { ERRNO } from '../../../abi/index.ts';
import type { Call } from '../../../vm/index.ts';
import type { BpfCgroup } from '../host.ts';
import type { BpfState } from '../state.ts';
import { memory, pointerResult, result, u32, u64, type Helper } from './args.ts';

const { EINVAL } = ERRNO;
/** CONFIG_HZ of Debian's kernels. */
const HZ = 250;
const NS_PER_JIFFY = 1e9 / HZ;
/** jiffies start five minutes before they pass 32 bits, so that code meets the overflow early. */
const INITIAL_JIFFIES = 2 ** 32 - 300 * HZ;
const COMM_BYTES = 16;
const BPRM_SECUREEXEC = 1;

const currentTask: Helper = {
  make: (state) => (call) => pointerResult(call, state.host.current.addr),
};

const pidTgid: Helper = {
  make: (state) => (call) => {
    const { pid, tgid } = state.host.current;
    call.lo[0] = pid;
    call.hi[0] = tgid;
  },
};

const uidGid: Helper = {
  make: (state) => {
    const { layouts } = state.host;
    const cred = layouts.field('task_struct', 'cred');
    const { uid, gid } = layouts.fields('cred', { uid: 'uid.val', gid: 'gid.val' });
    return (call) => {
      const at = cred.get(state.host.current.addr);
      call.lo[0] = uid.get(at);
      call.hi[0] = gid.get(at);
    };
  },
};

const comm: Helper = {
  make: (state) => {
    const field = state.host.layouts.field('task_struct', 'comm');
    return (call) => {
      const size = u32(call, 2);
      if (size === 0) return result(call, 0);
      const to = memory(call, 1, size);
      if (to === 0) return;
      const { u8 } = call.memory;
      const from = field.at(state.host.current.addr);
      const end = u8.indexOf(0, from);
      const length = Math.min(end < 0 ? COMM_BYTES : end - from, size - 1, COMM_BYTES - 1);
      u8.copyWithin(to, from, from + length);
      u8.fill(0, to + length, to + size);
      result(call, 0);
    };
  },
};

const cgroupId: Helper = {
  make: (state) => (call) => result(call, state.host.current.cgroup.id),
};

/** 0 when the task's cgroup is not as deep as asked. */
const ancestorCgroupId: Helper = {
  make: (state) => (call) => {
    const chain: number[] = [];
    let at: BpfCgroup | undefined = state.host.current.cgroup;
    for (; at !== undefined; at = at.parent) chain.unshift(at.id);
    result(call, chain[u32(call, 1)] ?? 0);
  },
};

const now: Helper = { make: (state) => (call) => result(call, state.host.now()) };

const jiffies: Helper = {
  make: (state) => (call) =>
    result(call, INITIAL_JIFFIES + Math.floor(state.host.now() / NS_PER_JIFFY)),
};

const zero: Helper = { make: () => (call) => result(call, 0) };

const nothing: Helper = { make: () => () => {} };

const random: Helper = {
  make: (state) => (call) => {
    call.lo[0] = state.host.randomU32();
    call.hi[0] = 0;
  },
};

const bprmOptsSet: Helper = {
  make: (state) => {
    const secureexec = state.host.layouts.field('linux_binprm', 'secureexec');
    return (call) => {
      const flags = u64(call, 2);
      if (flags > BPRM_SECUREEXEC) return result(call, -EINVAL);
      const bprm = memory(call, 1, 1);
      if (bprm === 0) return;
      secureexec.set(bprm, flags);
      result(call, 0);
    };
  },
};

/** 64-bit arguments in the context of the running program, the return slot not counted. */
const argumentSlots = (state: BpfState, call: Call): number =>
  state.programOf.get(call.program)?.argumentSlots ?? 0;

const funcArg: Helper = {
  make: (state) => (call) => {
    const index = u32(call, 2);
    const to = memory(call, 3, 8);
    if (to === 0) return;
    if (index >= argumentSlots(state, call)) return result(call, -EINVAL);
    const from = call.ctx + index * 8;
    call.memory.u8.copyWithin(to, from, from + 8);
    result(call, 0);
  },
};

const funcRet: Helper = {
  make: (state) => (call) => {
    const to = memory(call, 2, 8);
    if (to === 0) return;
    const from = call.ctx + argumentSlots(state, call) * 8;
    call.memory.u8.copyWithin(to, from, from + 8);
    result(call, 0);
  },
};

const funcArgCount: Helper = {
  make: (state) => (call) => result(call, argumentSlots(state, call)),
};

export const TASK_HELPERS: Readonly<Record<string, Helper>> = {
  get_current_task: { ...currentTask, gplOnly: true },
  get_current_task_btf: currentTask,
  get_current_pid_tgid: pidTgid,
  get_current_uid_gid: uidGid,
  get_current_comm: comm,
  get_current_cgroup_id: cgroupId,
  get_current_ancestor_cgroup_id: ancestorCgroupId,
  ktime_get_ns: now,
  ktime_get_boot_ns: { ...now, note: 'the machine never sleeps: equal to ktime_get_ns' },
  ktime_get_coarse_ns: { ...now, note: 'as fine as ktime_get_ns' },
  jiffies64: jiffies,
  get_smp_processor_id: { ...zero, note: 'everything runs on CPU 0' },
  get_numa_node_id: { ...zero, note: 'everything runs on node 0' },
  get_prandom_u32: random,
  get_attach_cookie: { ...zero, note: 'links have no cookie' },
  spin_lock: { ...nothing, note: 'one CPU, no preemption: takes no lock' },
  spin_unlock: { ...nothing, note: 'one CPU, no preemption: takes no lock' },
  bprm_opts_set: bprmOptsSet,
  get_func_arg: funcArg,
  get_func_ret: funcRet,
  get_func_arg_cnt: funcArgCount,
};
