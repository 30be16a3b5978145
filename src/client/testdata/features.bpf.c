// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// One program with a bit of everything that a loader has to get right.
#include "../../../examples/include/kernel.h"

enum mode {
	OFF,
	ON = 5,
};

struct settings {
	__u32 number;
	enum mode mode;
	char tag[8];
	__u16 list[3];
	struct {
		__u8 low : 3;
		__u8 high : 5;
	} bits;
};

const volatile struct settings settings = { .number = 1 };
const volatile __s64 big = -1;
const volatile bool deny_opens;
int counter = 7;
__u32 seen_version;
bool seen_lsm;
__u64 opens;
__u32 seen_number;
__u8 seen_high;

extern int LINUX_KERNEL_VERSION __kconfig;
extern bool CONFIG_BPF_LSM __kconfig;
extern int CONFIG_NO_SUCH_THING __kconfig __weak;

struct file {
	struct inode *f_inode;
} __attribute__((preserve_access_index));

struct inner {
	__uint(type, 2); /* BPF_MAP_TYPE_ARRAY */
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} first SEC(".maps"), second SEC(".maps");

struct {
	__uint(type, 13); /* BPF_MAP_TYPE_HASH_OF_MAPS */
	__uint(max_entries, 4);
	__type(key, __u32);
	__array(values, struct inner);
} outer SEC(".maps") = { .values = { (void *)&first } };

struct {
	__uint(type, 6); /* BPF_MAP_TYPE_PERCPU_ARRAY */
	__uint(max_entries, 3);
	__type(key, __u32);
	__type(value, __u32);
} per_cpu SEC(".maps");

struct {
	__uint(type, 9); /* BPF_MAP_TYPE_LRU_HASH */
	__uint(max_entries, 10);
	__uint(key_size, 8);
	__uint(value_size, 4);
} untyped SEC(".maps");

struct {
	__uint(type, 28); /* BPF_MAP_TYPE_INODE_STORAGE */
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} per_inode SEC(".maps");

int decide(void *ctx);

struct {
	__uint(type, 3); /* BPF_MAP_TYPE_PROG_ARRAY */
	__uint(max_entries, 2);
	__uint(key_size, 4);
	__array(values, int(void *));
} next SEC(".maps") = { .values = { [1] = (void *)&decide } };

static __attribute__((noinline)) int triple(__u32 value)
{
	return value * 3;
}

SEC("lsm/file_open")
int BPF_PROG(observe, struct file *file)
{
	__u32 zero = 0;
	__u32 *here = bpf_map_lookup_elem(&per_cpu, &zero);
	void *inner = bpf_map_lookup_elem(&outer, &zero);
	__u64 *count;

	if (here)
		__sync_fetch_and_add(here, triple(1));
	seen_version = LINUX_KERNEL_VERSION;
	seen_lsm = CONFIG_BPF_LSM && !CONFIG_NO_SUCH_THING;
	seen_number = settings.number;
	seen_high = settings.bits.high;
	count = bpf_inode_storage_get(&per_inode, file->f_inode, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (count)
		opens = ++*count;
	count = inner ? bpf_map_lookup_elem(inner, &zero) : NULL;
	if (count)
		*count += 2;
	bpf_tail_call(ctx, &next, 1);
	return 0;
}

SEC("lsm/file_open")
int decide(void *ctx)
{
	counter++;
	if (!deny_opens || settings.mode != ON)
		return 0;
	return deny();
}

SEC("?lsm/no_such_hook")
int BPF_PROG(optional)
{
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
