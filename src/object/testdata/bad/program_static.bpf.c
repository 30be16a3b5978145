// SPDX-License-Identifier: GPL-2.0
#include "../testdata.h"

static int __attribute__((used)) SEC("socket") hidden(struct __sk_buff *skb)
{
	return 0;
}

SEC("socket")
int program(struct __sk_buff *skb)
{
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
