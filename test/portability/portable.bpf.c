// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* Built against the vmlinux.h of one kernel, run on all: its struct offsets hold on that kernel only. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

#define EACCES 13
#define ENOSPC 28
#define PATH_MAX_SEEN 256
#define PREFIX_MAX 31

struct prefix {
	char text[PREFIX_MAX + 1];
	__u32 length;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct prefix);
} denied SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, char[PATH_MAX_SEEN]);
} scratch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} opens SEC(".maps");

struct event {
	__u32 pid;
	__u32 parent;
	__u32 mode;
	__u64 opens;
	char comm[16];
	char parent_comm[16];
	char path[64];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

const struct event *unused_event __attribute__((unused));

/* What CO-RE found on the kernel that runs. */
struct facts {
	__u32 comm_offset;
	__u32 inode_size;
	__u32 has_state;
	__u32 has_old_state;
	__u32 has_arena;
	__u32 has_nonsense;
	__u64 ringbuf_type;
} facts;

struct task_struct___old {
	volatile long state;
} __attribute__((preserve_access_index));

struct nonsense___x {
	int a;
} __attribute__((preserve_access_index));

struct search {
	const char *path;
	bool found;
};

static long match_prefix(__u32 index, struct search *search)
{
	struct prefix *prefix = bpf_map_lookup_elem(&denied, &index);
	__u32 length;

	if (!prefix || !prefix->length)
		return 0;
	length = prefix->length & PREFIX_MAX;
	barrier_var(length);
	for (__u32 i = 0; i < PREFIX_MAX; i++) {
		if (i >= length)
			break;
		if (search->path[i] != prefix->text[i])
			return 0;
	}
	search->found = true;
	return 1;
}

static __noinline int report(struct file *file, const char *path, __u64 count)
{
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	struct task_struct *task = bpf_get_current_task_btf();

	if (!event)
		return 0;
	event->pid = bpf_get_current_pid_tgid() >> 32;
	event->parent = BPF_CORE_READ(task, real_parent, tgid);
	event->mode = BPF_CORE_READ(file, f_inode, i_mode);
	event->opens = count;
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	BPF_CORE_READ_STR_INTO(&event->parent_comm, task, real_parent, comm);
	bpf_probe_read_kernel_str(event->path, sizeof(event->path), path);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

SEC("lsm.s/file_open")
int BPF_PROG(guard_open, struct file *file)
{
	__u32 zero = 0;
	char *path = bpf_map_lookup_elem(&scratch, &zero);
	__u64 *count = bpf_task_storage_get(&opens, bpf_get_current_task_btf(), 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	struct search search = { .path = path };

	if (!path || !count)
		return 0;
	__sync_fetch_and_add(count, 1);
	if (bpf_d_path((struct path *)&file->f_path, path, PATH_MAX_SEEN) < 0)
		return 0;
	bpf_loop(4, match_prefix, &search, 0);
	if (!search.found)
		return 0;
	report(file, path, *count);
	return -EACCES;
}

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u32);
} next SEC(".maps");

struct inner {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} first SEC(".maps"), third SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, __u32);
	__array(values, struct inner);
} quotas SEC(".maps") = { .values = { &first, 0, &third } };

struct {
	__uint(type, BPF_MAP_TYPE_INODE_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u32);
} created SEC(".maps");

SEC("lsm/inode_create")
int BPF_PROG(learn, struct inode *dir, struct dentry *dentry, umode_t mode)
{
	struct task_struct *task = bpf_get_current_task_btf();

	facts.comm_offset = bpf_core_field_offset(struct task_struct, comm);
	facts.inode_size = bpf_core_type_size(struct inode);
	facts.has_state = bpf_core_field_exists(task->__state);
	facts.has_old_state = bpf_core_field_exists(((struct task_struct___old *)task)->state);
	facts.has_arena = bpf_core_enum_value_exists(enum bpf_map_type, BPF_MAP_TYPE_ARENA);
	facts.has_nonsense = bpf_core_type_exists(struct nonsense___x);
	facts.ringbuf_type = bpf_core_enum_value(enum bpf_map_type, BPF_MAP_TYPE_RINGBUF);
	bpf_tail_call(ctx, &next, 1);
	return 0;
}

/* At most as many files a directory as the quota of owner 0 in the third map says; no quota, no limit. */
SEC("lsm/inode_create")
int BPF_PROG(limit, struct inode *dir, struct dentry *dentry, umode_t mode)
{
	__u32 slot = 2, owner = 0;
	void *map = bpf_map_lookup_elem(&quotas, &slot);
	__u32 *count = bpf_inode_storage_get(&created, dir, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	__u64 *quota;

	if (!map || !count)
		return 0;
	quota = bpf_map_lookup_elem(map, &owner);
	if (!quota)
		return 0;
	if (*count >= *quota)
		return -ENOSPC;
	*count += 1;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
