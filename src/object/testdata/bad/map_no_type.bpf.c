// SPDX-License-Identifier: GPL-2.0
#include "../testdata.h"

struct {
	__uint(max_entries, 1);
	__type(key, __u32);
} map SEC(".maps");

SEC("socket")
int program(struct __sk_buff *skb)
{
	return bpf_map_lookup_elem(&map, &(__u32){0}) != 0;
}

char LICENSE[] SEC("license") = "GPL";
