// SPDX-License-Identifier: GPL-2.0
#include "../testdata.h"

struct ops {
	int a;
} ops SEC(".struct_ops") = { 1 };

SEC("socket")
int program(struct __sk_buff *skb)
{
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
