// SPDX-License-Identifier: GPL-2.0
#include "../testdata.h"

SEC("lms/file_open")
int program(struct __sk_buff *skb)
{
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
