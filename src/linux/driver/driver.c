// SPDX-License-Identifier: Apache-2.0
/*
 * The program of every task that krsi drives: it makes the system calls that its controller writes into shared memory.
 *
 * All tasks of a machine map one memfd at AREA, always there, so the controller knows the address of what it puts into
 * it. The area has a channel for each task; a task's channel is told by the number of the descriptor that it holds the
 * memfd with, which survives execve(2). Nothing here calls a hook of the LSMs between two system calls asked for:
 * futex(2), dup2(2) and ppoll(2) have none. Only after an execve must the area be mapped again (mmap_file).
 */
typedef unsigned int u32;
typedef unsigned long u64;

/* As in area.ts. */
#define AREA 0x100000000000UL
#define CHANNELS 120
#define CHANNEL_SIZE (32UL << 20)
/* Below the usual limit of 1024, above what tests open. */
#define CONTROLLER_FD 899
#define CHANNEL_FD 900

enum state { ABSENT, REQUEST, READY };

struct call {
	long result;
	u64 number;
	u64 arguments[6];
};

/* A request is a list of system calls that ends with the first that fails. fork(2) and execve(2) stand alone. */
struct channel {
	volatile u32 state;
	u32 count;
	/* For a fork: the channel of the child to be; 0 for all else, since nobody forks the task of channel 0. */
	u32 child;
	u32 unused[13];
	struct call calls[];
};

/* x86-64 numbers (arch/x86/entry/syscalls/syscall_64.tbl). */
enum { NR_close = 3, NR_mmap = 9, NR_dup2 = 33, NR_futex = 202, NR_exit_group = 231, NR_ppoll = 271 };

/* First descriptors of the first task: standard input, output and error, then these. */
enum { FIRST_AREA_FD = 3, FIRST_CONTROLLER_FD = 4 };

#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define ETIMEDOUT 110
#define PROT_READ_WRITE 3
#define MAP_SHARED_FIXED_NOREPLACE 0x100001
#define POLLIN 1
#define PATIENCE_SECONDS 5
#define STATUS_NO_AREA 125

static long syscall6(u64 number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	register u64 r10 asm("r10") = d;
	register u64 r8 asm("r8") = e;
	register u64 r9 asm("r9") = f;
	long result;

	asm volatile("syscall"
		     : "=a"(result)
		     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
		     : "rcx", "r11", "memory");
	return result;
}

static void exit(int status)
{
	for (;;)
		syscall6(NR_exit_group, status, 0, 0, 0, 0, 0);
}

static struct channel *channel(u32 index)
{
	return (struct channel *)(AREA + index * CHANNEL_SIZE);
}

/* dup2() of a descriptor to itself does nothing, and fails when it is not open. */
static int is_open(u64 fd)
{
	return syscall6(NR_dup2, fd, fd, 0, 0, 0, 0) >= 0;
}

static void move(u64 from, u64 to)
{
	if (syscall6(NR_dup2, from, to, 0, 0, 0, 0) < 0)
		exit(STATUS_NO_AREA);
	syscall6(NR_close, from, 0, 0, 0, 0, 0);
}

/* Which channel is mine: the first task's is 0. */
static u32 find_channel(void)
{
	for (u32 i = 0; i < CHANNELS; i++)
		if (is_open(CHANNEL_FD + i))
			return i;
	move(FIRST_AREA_FD, CHANNEL_FD);
	move(FIRST_CONTROLLER_FD, CONTROLLER_FD);
	return 0;
}

static void map_area(u32 index)
{
	long at = syscall6(NR_mmap, AREA, CHANNELS * CHANNEL_SIZE, PROT_READ_WRITE, MAP_SHARED_FIXED_NOREPLACE,
			   CHANNEL_FD + index, 0);

	if (at != (long)AREA)
		exit(STATUS_NO_AREA);
}

/* The controller's process has ended: its pidfd is readable. */
static int is_abandoned(void)
{
	static struct {
		int fd;
		short events, revents;
	} poll = { CONTROLLER_FD, POLLIN, 0 };
	static u64 at_once[2];

	return syscall6(NR_ppoll, (u64)&poll, 1, (u64)at_once, 0, 0, 0) > 0;
}

static void wait_for_request(struct channel *mine)
{
	static u64 patience[2] = { PATIENCE_SECONDS, 0 };

	while (__atomic_load_n(&mine->state, __ATOMIC_ACQUIRE) != REQUEST) {
		long error = syscall6(NR_futex, (u64)&mine->state, FUTEX_WAIT, READY, (u64)patience, 0, 0);

		if (error == -ETIMEDOUT && is_abandoned())
			exit(0);
	}
}

/* Gives the channel of the task that comes out of it: after a fork there are two. */
static u32 carry_out(u32 index)
{
	struct channel *mine = channel(index);

	for (u32 i = 0; i < mine->count; i++) {
		struct call *call = &mine->calls[i];
		u64 *a = call->arguments;
		u32 child = mine->child;
		long result = syscall6(call->number, a[0], a[1], a[2], a[3], a[4], a[5]);

		if (child != 0 && result == 0) {
			move(CHANNEL_FD + index, CHANNEL_FD + child);
			return child;
		}
		call->result = result;
		if (result < 0)
			break;
	}
	return index;
}

static void answer(struct channel *mine)
{
	__atomic_store_n(&mine->state, READY, __ATOMIC_RELEASE);
	syscall6(NR_futex, (u64)&mine->state, FUTEX_WAKE, 1, 0, 0, 0);
}

__attribute__((noreturn, used)) static void serve(void)
{
	u32 index = find_channel();

	map_area(index);
	/* What brought this program here was an execve(2) that succeeded. */
	channel(index)->calls[0].result = 0;
	for (;;) {
		answer(channel(index));
		wait_for_request(channel(index));
		index = carry_out(index);
	}
}

__attribute__((naked, noreturn)) void _start(void)
{
	asm("xor %ebp, %ebp\n\tand $-16, %rsp\n\tcall serve");
}
