// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// The "kernel" of the CO-RE tests: what the programs of local.bpf.c are relocated against.
//   clang-19 -g -O2 -fdebug-compilation-dir=. -target bpf -c target.c -o target.o
//   llvm-objcopy-19 --dump-section .BTF=target.btf target.o

#define KEEP_STRUCT(name) struct name keep_struct_##name
#define KEEP_UNION(name) union name keep_union_##name
#define KEEP_ENUM(name) enum name keep_enum_##name
#define KEEP_TYPE(name) name keep_type_##name

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int s32;
typedef long long s64;

struct leaf {
	int pad;
	int value;
};

// Fields moved, and behind anonymous members.
struct moved {
	u64 inserted;
	union {
		struct {
			u32 a;
			u32 b;
		};
		u64 both;
	};
	const volatile struct leaf leaf;
	struct {
		u32 named_b;
	} named;
	struct leaf *next;
};
KEEP_STRUCT(moved);

// Fields of other sizes.
struct resized {
	u64 grown;
	u32 shrunk;
	s64 signed_grown;
	u8 tiny;
	u64 *pointer;
	u8 to_char_array[16];
	struct leaf became_struct;
	s32 sign_changed;
	u64 bool_grown;
	u32 elements[4];
	struct {
		u8 x[3];
	} odd;
};
KEEP_STRUCT(resized);

// Field far away: no signed 16 bits hold its offset.
struct far {
	char gap[40000];
	u32 field;
};
KEEP_STRUCT(far);

struct arrays {
	u32 pad[3];
	u32 plain[5];
	u32 matrix[3][4];
	struct leaf leaves[7];
	u32 short_one[2];
	u32 flexible[];
};
KEEP_STRUCT(arrays);

struct middle_zero {
	u32 pad;
	u32 zero[0];
	u32 last;
};
KEEP_STRUCT(middle_zero);

struct bits {
	u64 moved_by;
	u32 one : 1;
	u32 three : 3;
	u32 seven : 7;
	u32 twenty : 20;
	s32 negative : 12;
	u64 fifty : 50;
	u8 byte : 8;
	u8 nibble : 4;
	u16 nine : 9;
	s64 wide : 64;
	u32 plain;
	int signed_plain;
	signed char small_signed;
	_Bool flag : 1;
};
KEEP_STRUCT(bits);

struct packed_bits {
	u8 skip;
	u64 cross : 62;
	u32 straddle : 30;
} __attribute__((packed));
KEEP_STRUCT(packed_bits);

struct now_plain {
	u32 was_bits;
	u32 was_plain : 5;
};
KEEP_STRUCT(now_plain);

union either {
	u64 whole;
	struct {
		u32 low;
		u32 high;
	} halves;
	u8 bytes[8];
};
KEEP_UNION(either);

struct holds_union {
	u32 pad;
	union either either;
	union {
		u16 anonymous_member;
	};
};
KEEP_STRUCT(holds_union);

// A struct here, a union there.
union was_struct {
	u32 x;
	u64 y;
};
KEEP_UNION(was_struct);
struct carries_was_struct {
	u64 pad;
	union was_struct changed;
};
KEEP_STRUCT(carries_was_struct);

// Types whose kind does not fit.
struct incompatible {
	u32 pad;
	u32 was_pointer;
	u32 *was_int;
	u32 was_array;
	enum was_int_enum { WAS_INT } was_int_too;
	float was_double;
	enum other_name { OTHER } named_enum;
	enum { ANON } anonymous_enum;
	double real;
};
KEEP_STRUCT(incompatible);

// The same name twice.
struct twice {
	u32 pad;
	u32 same;
	u32 differs;
};
struct twice___second {
	u32 other_pad;
	u32 same;
	u64 gap;
	u32 differs;
	u32 only_second;
};
KEEP_STRUCT(twice);
KEEP_STRUCT(twice___second);

struct pruned {
	u32 a;
	u32 only_first;
};
struct pruned___b {
	u32 b;
	u32 only_second;
};
KEEP_STRUCT(pruned);
KEEP_STRUCT(pruned___b);

// Only a flavored name in the target.
struct old_only___v1 {
	u64 pad;
	u32 field;
};
KEEP_STRUCT(old_only___v1);

// Not flavors: too many underscores, or nothing before or after them.
struct not____flavor {
	u64 pad;
	u32 field;
};
KEEP_STRUCT(not____flavor);
struct trailing___ {
	u64 pad;
	u32 field;
};
KEEP_STRUCT(trailing___);

enum plain {
	PLAIN_ZERO,
	PLAIN_INSERTED,
	PLAIN_ONE,
	PLAIN_NEGATIVE = -7,
	PLAIN_FLAVORED___there = 77,
};
KEEP_ENUM(plain);
enum unsigned_top {
	UNSIGNED_TOP = 0xfffffff0u,
	UNSIGNED_LOW = 5,
};
KEEP_ENUM(unsigned_top);
enum big {
	BIG_INSERTED = 1,
	BIG_VALUE = 0x123456789abcULL,
	BIG_TOP = 0xffffffffffffff00ULL,
};
KEEP_ENUM(big);
enum big_signed {
	BIG_SIGNED_LOW = -0x123456789abcLL,
	BIG_SIGNED_HIGH = 3,
};
KEEP_ENUM(big_signed);
// 32 bits there, 64 here and the other way round.
enum narrowed {
	NARROWED = 9,
};
KEEP_ENUM(narrowed);
enum widened {
	WIDENED = 0x900000000ULL,
};
KEEP_ENUM(widened);

typedef u64 id_type;
KEEP_TYPE(id_type);
typedef struct {
	u64 pad;
	u32 x;
} anonymous_t;
KEEP_TYPE(anonymous_t);
typedef struct leaf leaf_t;
KEEP_TYPE(leaf_t);
typedef int (*callback_t)(int, long, struct leaf *);
KEEP_TYPE(callback_t);
typedef void (*void_callback_t)(void);
KEEP_TYPE(void_callback_t);
typedef int int_array_t[6];
KEEP_TYPE(int_array_t);
typedef struct leaf *leaf_ptr_t;
KEEP_TYPE(leaf_ptr_t);
typedef int *pointer_t;
KEEP_TYPE(pointer_t);
typedef enum plain plain_t;
KEEP_TYPE(plain_t);
typedef double double_t_;
KEEP_TYPE(double_t_);

struct only_declared;
struct uses_declared {
	struct only_declared *pointer;
};
KEEP_STRUCT(uses_declared);

struct sized {
	u64 a[11];
	u8 tail;
};
KEEP_STRUCT(sized);
union sized_union {
	u8 bytes[33];
};
KEEP_UNION(sized_union);

// TYPE_MATCHES.
struct match_subset {
	int extra;
	u32 a;
	struct {
		int inner_extra;
		u64 b;
	} inner;
	struct leaf *pointer;
};
KEEP_STRUCT(match_subset);
struct match_size {
	u64 a;
};
KEEP_STRUCT(match_size);
struct match_sign {
	s32 a;
};
KEEP_STRUCT(match_sign);
struct match_pointer {
	struct leaf *p;
	const char *text;
	struct only_declared *declared;
};
KEEP_STRUCT(match_pointer);
struct match_array {
	int a[4];
};
KEEP_STRUCT(match_array);
union match_union {
	u32 a;
	u64 b;
};
KEEP_UNION(match_union);
struct match_function {
	int (*call)(struct leaf *, int);
};
KEEP_STRUCT(match_function);
enum match_enum {
	MATCH_A = 5,
	MATCH_B,
	MATCH_C,
};
KEEP_ENUM(match_enum);
enum match_enum64 {
	MATCH64_A = 0x100000000ULL,
	MATCH64_B,
};
KEEP_ENUM(match_enum64);
struct match_anonymous {
	int a;
	union {
		int b;
		u64 c;
	};
};
KEEP_STRUCT(match_anonymous);
