// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* Denies mprotect(2) that would make the heap executable, and reports each attempt. */
#include "../include/kernel.h"

#define PROT_EXEC 4

struct event {
	__u64 start;
	__u64 end;
	__u32 pid;
	__u32 uid;
	__u32 prot;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

/* Attempts that were denied but not reported because the ring buffer was full. */
__u64 lost;

/* Keeps struct event in the object's BTF, for those who decode the records. */
const struct event *unused_event __attribute__((unused));

/*
 * Overlap, not containment: brk(2) need not leave the end of the heap on a page boundary, so the heap's mapping may
 * reach past mm->brk, and a test for containment would let it through.
 */
static __always_inline bool is_heap(const struct vm_area_struct *vma)
{
	const struct mm_struct *mm = vma->vm_mm;

	return vma->vm_start < mm->brk && vma->vm_end > mm->start_brk;
}

static __always_inline void report(const struct vm_area_struct *vma, unsigned long prot)
{
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event) {
		__sync_fetch_and_add(&lost, 1);
		return;
	}
	event->start = vma->vm_start;
	event->end = vma->vm_end;
	event->pid = bpf_get_current_pid_tgid() >> 32;
	event->uid = bpf_get_current_uid_gid();
	event->prot = prot;
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	bpf_ringbuf_submit(event, 0);
}

SEC("lsm/file_mprotect")
int BPF_PROG(deny_heap_exec, struct vm_area_struct *vma, unsigned long reqprot, unsigned long prot)
{
	if (!(prot & PROT_EXEC) || !is_heap(vma))
		return 0;
	report(vma, prot);
	return deny();
}

char LICENSE[] SEC("license") = "GPL";
