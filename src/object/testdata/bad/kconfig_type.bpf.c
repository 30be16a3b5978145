// SPDX-License-Identifier: GPL-2.0
#include "../testdata.h"

struct pair {
	int a, b;
};
extern struct pair CONFIG_PAIR __kconfig;

SEC("socket")
int program(struct __sk_buff *skb)
{
	return CONFIG_PAIR.a;
}

char LICENSE[] SEC("license") = "GPL";
