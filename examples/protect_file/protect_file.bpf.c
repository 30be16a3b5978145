// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Files that nobody removes, renames or truncates. They are chosen by inode, so every hard link of a protected file is
 * protected, whatever its name.
 */
#include "../include/kernel.h"

#define ATTR_SIZE (1 << 3)

/* As stat(2) tells: st_dev and st_ino. */
struct file_id {
	__u64 dev;
	__u64 ino;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct file_id);
	__type(value, __u8);
} protected_files SEC(".maps");

struct mnt_idmap;

/* How the kernel declares the hook since 6.9; before, it has no idmap. */
union security_list_options___idmap {
	int (*inode_setattr)(struct mnt_idmap *, struct dentry *, struct iattr *);
};

/* The kernel keeps a device as major:12 minor:20, stat(2) shows it as minor:12 major:12 minor:8. */
static __always_inline __u64 user_dev(__u32 dev)
{
	__u32 major = dev >> 20, minor = dev & 0xfffff;

	return (minor & 0xff) | major << 8 | (minor & ~0xffU) << 12;
}

static __always_inline int check(const struct dentry *dentry)
{
	const struct inode *inode = dentry->d_inode;
	struct file_id id = {};

	/* A name that does not exist yet: the target of most renames. */
	if (!inode)
		return 0;
	id.dev = user_dev(inode->i_sb->s_dev);
	id.ino = inode->i_ino;
	if (!bpf_map_lookup_elem(&protected_files, &id))
		return 0;
	return deny();
}

SEC("lsm/inode_unlink")
int BPF_PROG(protect_unlink, struct inode *dir, struct dentry *dentry)
{
	return check(dentry);
}

/* Also what the rename would replace. For RENAME_EXCHANGE the kernel asks once in each direction. */
SEC("lsm/inode_rename")
int BPF_PROG(protect_rename, struct inode *old_dir, struct dentry *old_dentry, struct inode *new_dir,
	     struct dentry *new_dentry)
{
	int result = check(old_dentry);

	if (result)
		return result;
	return check(new_dentry);
}

/* All ways to change a size meet here: truncate(2), ftruncate(2) and open(2) with O_TRUNC. */
SEC("lsm/inode_setattr")
int protect_size(unsigned long long *ctx)
{
	const struct dentry *dentry;
	const struct iattr *attr;

	/* The barriers keep the two loads apart: the verifier wants constant offsets into ctx. */
	if (bpf_core_type_matches(union security_list_options___idmap)) {
		dentry = (const void *)ctx[1];
		attr = (const void *)ctx[2];
		barrier_var(dentry);
	} else {
		dentry = (const void *)ctx[0];
		attr = (const void *)ctx[1];
		barrier_var(dentry);
	}
	if (!(attr->ia_valid & ATTR_SIZE))
		return 0;
	return check(dentry);
}

char LICENSE[] SEC("license") = "GPL";
