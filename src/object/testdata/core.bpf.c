// SPDX-License-Identifier: GPL-2.0
// CO-RE relocations and lines, in a program and in its subprogram.
#include "testdata.h"

#define __core __attribute__((preserve_access_index))

struct cred {
	struct {
		unsigned int val;
	} uid;
} __core;

struct task_struct {
	int pid;
	int tgid;
	const struct cred *real_cred;
	char comm[16];
} __core;

struct file {
	unsigned int f_flags;
} __core;

static __noinline int uid_of(struct task_struct *task)
{
	const struct cred *cred = 0;
	unsigned int uid = 0;

	bpf_probe_read_kernel(&cred, sizeof(cred), &task->real_cred);
	bpf_probe_read_kernel(&uid, sizeof(uid), &cred->uid.val);
	return uid;
}

SEC("lsm/file_open")
int only_reads(unsigned long long *ctx)
{
	struct file *file = (void *)ctx[0];
	struct task_struct *task = (void *)bpf_get_current_task();

	if (file->f_flags & 1)
		return uid_of(task) ? -1 : 0;
	return __builtin_preserve_field_info(task->tgid, 2) ? 0 : -1;
}

char LICENSE[] SEC("license") = "GPL";
