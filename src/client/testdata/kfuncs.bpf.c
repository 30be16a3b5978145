// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// Kernel functions: there, weak and missing, weak and declared otherwise.
#define SEC(name) __attribute__((section(name), used))
#define __ksym __attribute__((section(".ksyms")))
#define __weak __attribute__((weak))

struct task_struct {
	int pid;
};

extern struct task_struct *bpf_task_acquire(struct task_struct *task) __ksym;
extern void bpf_task_release___flavor(struct task_struct *task) __ksym;
extern int bpf_no_such_function(int flags) __ksym __weak;
extern int bpf_rcu_read_lock(struct task_struct *task) __ksym __weak;

SEC("lsm.s/task_alloc")
int calls_kfuncs(unsigned long long *ctx)
{
	struct task_struct *task = bpf_task_acquire((void *)ctx[0]);

	if (!task)
		return 0;
	if (bpf_no_such_function)
		bpf_no_such_function(1);
	if (bpf_rcu_read_lock)
		bpf_rcu_read_lock(task);
	bpf_task_release___flavor(task);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
