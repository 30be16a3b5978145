// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* Processes that nobody traces, not even root, and neither their children. */
#include "../include/kernel.h"

#define PTRACE_MODE_ATTACH 2

/* Process ids (of the initial namespace) to shield. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u8);
} shielded SEC(".maps");

/* Set on the main thread of a process whose parent was shielded when it forked. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u8);
} inherited SEC(".maps");

static __always_inline bool is_shielded(struct task_struct *task)
{
	__u32 tgid = task->tgid;

	return bpf_map_lookup_elem(&shielded, &tgid) ||
	       bpf_task_storage_get(&inherited, task->group_leader, NULL, 0);
}

/* Asked for ptrace(2), and for the like of it: process_vm_writev(2), pidfd_getfd(2), /proc/PID/mem. */
SEC("lsm/ptrace_access_check")
int BPF_PROG(deny_attach, struct task_struct *child, unsigned int mode)
{
	/* Reading what /proc tells about a process stays allowed. */
	if (!(mode & PTRACE_MODE_ATTACH))
		return 0;
	if (!is_shielded(child))
		return 0;
	return deny();
}

/* The task asks its parent to trace it. */
SEC("lsm/ptrace_traceme")
int BPF_PROG(deny_traceme, struct task_struct *parent)
{
	if (!is_shielded(bpf_get_current_task_btf()))
		return 0;
	return deny();
}

SEC("lsm/task_alloc")
int BPF_PROG(inherit, struct task_struct *task)
{
	if (is_shielded(bpf_get_current_task_btf()))
		bpf_task_storage_get(&inherited, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
