// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* Reports every exec: argv[0], and whether LD_PRELOAD is set in the new environment: not, once, twice or more. */
#include "../include/kernel.h"

#define ARGV0_MAX 128
/* Divides the page size, so that a block that holds a byte of the stack lies wholly in mapped memory. */
#define BLOCK 128

enum preload {
	PRELOAD_UNSET,
	PRELOAD_ONCE,
	PRELOAD_TWICE_OR_MORE,
};

struct event {
	__u32 pid;
	__u32 uid;
	enum preload preload;
	/* The scan ended early: `preload` says what was seen until then. */
	bool cut;
	char comm[16];
	char argv0[ARGV0_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} events SEC(".maps");

/* Bytes of arguments and environment to look at. The kernel allows up to 8,388,608 steps in one bpf_loop(). */
const volatile __u32 max_bytes = 262144;

/* Execs that were not reported because the ring buffer was full. */
__u64 lost;

/*
 * Always 0, but the verifier cannot know. Until Linux 6.7 it follows the callback of bpf_loop() for one round only: what
 * starts as a known constant and changes in later rounds it would take for that constant ever after.
 */
__u32 zero;

/* Keeps struct event in the object's BTF, for those who decode the records. */
const struct event *unused_event __attribute__((unused));

const char variable_name[16] = "LD_PRELOAD=";
#define NAME_LENGTH 11
/* No variable starts like the name once a byte differed: any value beyond the name's length will do. */
#define DIFFERS 15

struct scan {
	__u64 at;
	__u32 args_left;
	__u32 envs_left;
	/* How many bytes of the present string are those of the name. */
	__u32 matched;
	__u32 preloads;
	__u32 failed;
	char block[BLOCK];
};

static __always_inline void match(struct scan *scan, char byte)
{
	__u32 matched = scan->matched;

	if (matched >= NAME_LENGTH)
		return;
	if (byte != variable_name[matched & 15]) {
		scan->matched = DIFFERS;
		return;
	}
	/* From Linux 6.7 on the verifier would else follow each number of matching bytes on a path of its own. */
	scan->matched = matched + 1 + zero;
	if (matched + 1 == NAME_LENGTH)
		scan->preloads++;
}

/* One byte of the strings that execve(2) put on the new stack: argv first, then the environment, each closed by NUL. */
static long scan_byte(__u32 index, struct scan *scan)
{
	__u64 at = scan->at;
	char byte;

	if (scan->envs_left == 0)
		return 1;
	if (index == 0 || at % BLOCK == 0) {
		if (bpf_copy_from_user(scan->block, BLOCK, (void *)(at & ~(__u64)(BLOCK - 1)))) {
			scan->failed = 1;
			return 1;
		}
	}
	byte = scan->block[at % BLOCK];
	scan->at = at + 1;
	if (byte != 0) {
		if (scan->args_left == 0)
			match(scan, byte);
		return 0;
	}
	scan->matched = 0;
	if (scan->args_left > 0)
		scan->args_left--;
	else
		scan->envs_left--;
	return 0;
}

/* Sleepable, as the new stack may have to be paged in. current->mm is the new program's already. */
SEC("lsm.s/bprm_committed_creds")
int BPF_PROG(report_exec, const struct linux_binprm *bprm)
{
	struct scan scan = {
		.at = bprm->p,
		.args_left = bprm->argc,
		.envs_left = bprm->envc,
		.matched = zero,
		.preloads = zero,
		.failed = zero,
	};
	struct event *event;

	bpf_loop(max_bytes, scan_byte, &scan, 0);

	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		__sync_fetch_and_add(&lost, 1);
		return 0;
	}
	event->pid = bpf_get_current_pid_tgid() >> 32;
	event->uid = bpf_get_current_uid_gid();
	event->preload = scan.preloads > 1 ? PRELOAD_TWICE_OR_MORE : scan.preloads;
	event->cut = scan.failed > 0 || scan.envs_left > 0;
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	event->argv0[0] = 0;
	bpf_probe_read_user_str(event->argv0, sizeof(event->argv0), (const void *)bprm->p);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
