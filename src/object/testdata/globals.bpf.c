// SPDX-License-Identifier: GPL-2.0
// Variables of all sections, and externs.
#include "testdata.h"

const volatile int limit = 10;
const volatile char name[16] = "krsi";
int counter = 3;
__u64 zeros[4];
__u8 small;
static volatile int hits;
static volatile int set = 5;
__hidden int shared = 9;
int custom SEC(".data.custom") = 1;
int big SEC(".bss.big");
const volatile int fixed SEC(".rodata.fixed") = 2;

extern int LINUX_KERNEL_VERSION __kconfig;
extern bool CONFIG_BPF_LSM __kconfig __weak;
extern enum libbpf_tristate CONFIG_EXT4_FS __kconfig __weak;
extern char CONFIG_LSM[64] __kconfig __weak;
extern unsigned long CONFIG_HZ __kconfig __weak;

struct rq {
	int cpu;
};
extern const struct rq runqueues __ksym;
extern const void bpf_prog_active __ksym __weak;

static __noinline int count(int by)
{
	static volatile int hits;

	hits += by;
	return hits;
}

SEC("socket")
int uses_variables(struct __sk_buff *skb)
{
	hits++;
	counter += limit + name[skb->len & 15];
	zeros[skb->len & 3] += set;
	small += shared;
	custom += big + fixed;
	return count(counter) + count(hits);
}

SEC("socket")
int uses_kconfig(struct __sk_buff *skb)
{
	if (LINUX_KERNEL_VERSION < KERNEL_VERSION(6, 1, 0) || !CONFIG_BPF_LSM)
		return 0;
	return CONFIG_EXT4_FS + CONFIG_LSM[skb->len & 63] + CONFIG_HZ;
}

SEC("?socket")
int uses_ksyms(struct __sk_buff *skb)
{
	return (&bpf_prog_active != 0) + ((long)&runqueues == skb->len);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
__u32 kern_version SEC("version") = KERNEL_VERSION(6, 12, 5);
