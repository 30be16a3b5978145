// SPDX-License-Identifier: GPL-2.0
#include "../testdata.h"

extern int nowhere;

SEC("socket")
int program(struct __sk_buff *skb)
{
	return nowhere;
}

char LICENSE[] SEC("license") = "GPL";
