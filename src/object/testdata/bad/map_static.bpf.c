// SPDX-License-Identifier: GPL-2.0
#include "../testdata.h"

static struct {
	__uint(type, BPF_MAP_TYPE_HASH);
} map SEC(".maps");

SEC("socket")
int program(struct __sk_buff *skb)
{
	return bpf_map_lookup_elem(&map, &(__u32){0}) != 0;
}

char LICENSE[] SEC("license") = "GPL";
