// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * The kernel types that the example policies read, each with only the members they read. The loader finds where a
 * member really is in the running kernel (CO-RE), so neither their order nor their offsets here mean anything.
 * To write policies of your own you can instead include a whole header: krsi btf dump 6.12 > vmlinux.h
 */
#pragma once

typedef signed char __s8;
typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;

#define true 1
#define false 0
#define NULL ((void *)0)
#define EPERM 1

enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_LPM_TRIE = 11,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
};

enum {
	BPF_F_NO_PREALLOC = 1,
	BPF_LOCAL_STORAGE_GET_F_CREATE = 1,
};

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct mm_struct {
	unsigned long start_brk;
	unsigned long brk;
};

struct vm_area_struct {
	unsigned long vm_start;
	unsigned long vm_end;
	struct mm_struct *vm_mm;
};

struct super_block {
	__u32 s_dev;
};

struct inode {
	struct super_block *i_sb;
	unsigned long i_ino;
};

struct dentry {
	struct inode *d_inode;
};

struct iattr {
	unsigned int ia_valid;
};

struct linux_binprm {
	unsigned long p;
	int argc;
	int envc;
};

struct task_struct {
	int tgid;
	struct task_struct *group_leader;
};

#pragma clang attribute pop

/*
 * The result of a hook that denies. As clang sees it the value is unknown; it would otherwise turn
 * `condition ? -EPERM : 0` into a negation, whose range the verifier of Linux 6.12 and later does not follow, and the
 * program would be refused. A macro, so that the instruction belongs to the line that denies.
 */
#define deny()                                                                 \
	({                                                                     \
		long result;                                                   \
		asm volatile("%0 = %1" : "=r"(result) : "i"(-EPERM));          \
		(int)result;                                                   \
	})
