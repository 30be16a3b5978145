// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// Prints what libbpf makes of each program of an object, the contents of expected.txt. It keeps no program loaded.
//   cc -o oracle libbpf-oracle.c -lbpf
//   sudo ./oracle local.bpf.o target.btf > expected.txt

#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int relocation;
static char target[1024];

static void print_line(const char *text)
{
	const char *at = strstr(text, ": relo #");
	int number, start = 0;

	if (!at || sscanf(at, ": relo #%d: %n", &number, &start) != 1)
		return;
	at += start;
	if (number != relocation) {
		relocation = number;
		target[0] = 0;
		printf("  %s", at);
	} else if (!strncmp(at, "matching candidate #", 20)) {
		if (!target[0])
			strcpy(target, strchr(at, '<'));
	} else if (!strncmp(at, "patched insn", 12) || !strncmp(at, "substituting insn", 17)) {
		if (target[0] && target[0] != '-')
			printf("    = %s", target);
		strcpy(target, "-");
		printf("    %s", *at == 'p' ? strchr(at, ')') + 2 : "poisoned\n");
	} else if (!strncmp(at, "failed to", 9)) {
		printf("    error\n");
	}
}

static int print(enum libbpf_print_level level, const char *format, va_list args)
{
	char text[1024];

	(void)level;
	vsnprintf(text, sizeof(text), format, args);
	print_line(text);
	return 0;
}

int main(int argc, char **argv)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .btf_custom_path = argc > 2 ? argv[2] : NULL);
	struct bpf_object *object = argc > 1 ? bpf_object__open_file(argv[1], &opts) : NULL;
	struct bpf_program *program;
	int chosen = 0;

	if (!object)
		return 2;
	libbpf_set_print(print);
	for (int found = 1; found; chosen++) {
		int index = 0;

		found = 0;
		object = bpf_object__open_file(argv[1], &opts);
		bpf_object__for_each_program(program, object) {
			bpf_program__set_autoload(program, index == chosen);
			if (index++ != chosen)
				continue;
			found = 1;
			relocation = -1;
			printf("%s\n", bpf_program__name(program));
		}
		if (found)
			bpf_object__load(object);
		bpf_object__close(object);
	}
	return 0;
}
