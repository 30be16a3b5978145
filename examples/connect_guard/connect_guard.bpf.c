// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* Which addresses and ports connect(2) may reach, by longest prefix. */
#include "../include/kernel.h"

#define AF_INET 2
#define AF_INET6 10
/* Rules for one port are asked before those for any port. */
#define ANY_PORT 0
#define PORT_BITS 32
#define ADDRESS_BITS 128

enum action {
	ALLOW,
	DENY,
};

/* IPv4 addresses are written as IPv6 writes them, ::ffff:192.0.2.1, so 192.0.2.0/24 has 96 + 24 bits. */
struct destination {
	/* PORT_BITS plus the bits of the address that count. */
	__u32 prefixlen;
	/* In host byte order. */
	__u32 port;
	__u8 address[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct destination);
	__type(value, enum action);
} rules SEC(".maps");

const volatile enum action default_action = ALLOW;

/* From here on as connect(2) takes them, with the port and the address in network byte order. */
struct ipv4_address {
	__u16 family;
	__be16 port;
	__u8 address[4];
};

struct ipv6_address {
	__u16 family;
	__be16 port;
	__be32 flowinfo;
	__u8 address[16];
};

static __always_inline int judge(struct destination *to, __be16 port)
{
	enum action *action;

	to->prefixlen = PORT_BITS + ADDRESS_BITS;
	to->port = __builtin_bswap16(port);
	action = bpf_map_lookup_elem(&rules, to);
	if (!action) {
		to->port = ANY_PORT;
		action = bpf_map_lookup_elem(&rules, to);
	}
	if ((action ? *action : default_action) == ALLOW)
		return 0;
	return deny();
}

static __always_inline bool is_zero(const __u8 *bytes, int count)
{
	__u8 any = 0;

	for (int i = 0; i < count; i++)
		any |= bytes[i];
	return any == 0;
}

/* Linux connects 0.0.0.0 to 127.0.0.1. */
static __always_inline void name_loopback4(struct destination *to)
{
	if (!is_zero(to->address + 12, 4))
		return;
	to->address[12] = 127;
	to->address[15] = 1;
}

static __always_inline int judge4(const void *address)
{
	struct ipv4_address in;
	struct destination to = {};

	if (bpf_probe_read_kernel(&in, sizeof(in), address))
		return deny();
	to.address[10] = 0xff;
	to.address[11] = 0xff;
	__builtin_memcpy(to.address + 12, in.address, 4);
	name_loopback4(&to);
	return judge(&to, in.port);
}

static __always_inline int judge6(const void *address)
{
	struct ipv6_address in;
	struct destination to = {};
	int result;

	if (bpf_probe_read_kernel(&in, sizeof(in), address))
		return deny();
	__builtin_memcpy(to.address, in.address, 16);
	if (is_zero(to.address, 10) && to.address[10] == 0xff && to.address[11] == 0xff)
		name_loopback4(&to);
	if (!is_zero(to.address, 16))
		return judge(&to, in.port);

	/* Linux connects :: to ::1, or to 127.0.0.1 when the socket is bound to an IPv4 address: both must be allowed. */
	to.address[15] = 1;
	result = judge(&to, in.port);
	if (result)
		return result;
	to.address[10] = 0xff;
	to.address[11] = 0xff;
	to.address[12] = 127;
	return judge(&to, in.port);
}

SEC("lsm/socket_connect")
int BPF_PROG(guard_connect, struct socket *sock, struct sockaddr *address, int addrlen)
{
	__u16 family;

	/* Linux itself refuses an address that is too short for its family. */
	if (addrlen < (int)sizeof(struct ipv4_address))
		return 0;
	if (bpf_probe_read_kernel(&family, sizeof(family), address))
		return deny();
	if (family == AF_INET)
		return judge4(address);
	if (family == AF_INET6 && addrlen >= (int)sizeof(struct ipv6_address))
		return judge6(address);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
