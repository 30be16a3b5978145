// SPDX-License-Identifier: GPL-2.0
#include "../testdata.h"

struct bpf_map_def {
	unsigned int type, key_size, value_size, max_entries, map_flags;
} map SEC("maps") = { 1, 4, 4, 1 };

SEC("socket")
int program(struct __sk_buff *skb)
{
	return bpf_map_lookup_elem(&map, &(__u32){0}) != 0;
}

char LICENSE[] SEC("license") = "GPL";
