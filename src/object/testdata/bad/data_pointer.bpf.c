// SPDX-License-Identifier: GPL-2.0
#include "../testdata.h"

int target;
int *volatile pointer = &target;

SEC("socket")
int program(struct __sk_buff *skb)
{
	return *pointer;
}

char LICENSE[] SEC("license") = "GPL";
