// SPDX-License-Identifier: GPL-2.0
#include "../testdata.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_ARRAY);
		__uint(pinning, LIBBPF_PIN_BY_NAME);
	});
} map SEC(".maps");

SEC("socket")
int program(struct __sk_buff *skb)
{
	return bpf_map_lookup_elem(&map, &(__u32){0}) != 0;
}

char LICENSE[] SEC("license") = "GPL";
