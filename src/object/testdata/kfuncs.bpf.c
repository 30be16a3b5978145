// SPDX-License-Identifier: GPL-2.0
// Kernel functions, also weak and with a CO-RE flavor.
#include "testdata.h"

struct task_struct;

extern struct task_struct *bpf_task_acquire(struct task_struct *) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;
extern int bpf_missing___new(int, long flags) __ksym __weak;

SEC("lsm.s/task_alloc")
int calls_kfuncs(unsigned long long *ctx)
{
	struct task_struct *task = bpf_task_acquire((void *)ctx[0]);

	if (!task)
		return 0;
	bpf_task_release(task);
	if (bpf_missing___new)
		return bpf_missing___new(1, 2);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
