// SPDX-License-Identifier: GPL-2.0
// Subprograms: static, global, weak, hidden, shared, recursive over several levels, and as callbacks.
#include "testdata.h"

int calls;

static __noinline int leaf(int x)
{
	calls++;
	return x * 3;
}

static __noinline int middle(int x)
{
	return leaf(x) + leaf(x + 1);
}

__noinline int global_sub(int x)
{
	return middle(x) - 1;
}

__weak __noinline int weak_sub(int x)
{
	return x ^ 5;
}

__hidden __noinline int hidden_sub(int x)
{
	return x + calls;
}

static int each(__u32 i, void *context)
{
	*(int *)context += leaf(i);
	return 0;
}

SEC("socket")
int deep(struct __sk_buff *skb)
{
	return global_sub(skb->len) + weak_sub(skb->mark) + leaf(1);
}

SEC("socket")
int shallow(struct __sk_buff *skb)
{
	return hidden_sub(skb->len);
}

SEC("socket")
int loops(struct __sk_buff *skb)
{
	int sum = 0;

	bpf_loop(10, each, &sum, 0);
	return sum + leaf(sum);
}

char LICENSE[] SEC("license") = "GPL";
