// SPDX-License-Identifier: Apache-2.0
// The peer of ringbuf.ts: libbpf reads the same records. Descriptor 3 is a ring buffer, 4 a program that puts RECORDS
// records into it each time it runs. Prints nanoseconds per record of each round, taking alone and with the program.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static unsigned long long sum;

static int visit(void *context, void *record, size_t length)
{
	(void)context;
	(void)length;
	sum += *(unsigned int *)record;
	return 0;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e9 + time.tv_nsec;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 0;
	struct ring_buffer *ring = ring_buffer__new(3, visit, NULL, NULL);

	if (!ring)
		return 1;
	for (int i = 0; i < rounds; i++) {
		LIBBPF_OPTS(bpf_test_run_opts, options);
		double start = now(), filled, end;
		int records;

		if (bpf_prog_test_run_opts(4, &options))
			return 1;
		filled = now();
		records = ring_buffer__consume(ring);
		end = now();
		if (records <= 0)
			return 1;
		printf("%f %f\n", (end - filled) / records, (end - start) / records);
	}
	ring_buffer__free(ring);
	fprintf(stderr, "%llu\n", sum);
	return 0;
}
