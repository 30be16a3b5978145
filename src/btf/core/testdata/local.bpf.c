// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// One program for each case of CO-RE. Its name is the name of the case. What they are relocated against is target.c.

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int s32;
typedef long long s64;

#define CORE __attribute__((preserve_access_index))
#define SEC __attribute__((section("socket"), used))
#define CASE(name) SEC u64 name(void *ctx)
#define field_info(field, kind) __builtin_preserve_field_info(field, kind)
#define type_info(type, kind) __builtin_preserve_type_info(*(type *)0, kind)
#define type_id(type, kind) __builtin_btf_type_id(*(type *)0, kind)
#define enum_info(type, value, kind) __builtin_preserve_enum_value(*(type *)value, kind)
#define OFFSET 0
#define SIZE 1
#define EXISTS 2
#define SIGNED 3
#define LSHIFT 4
#define RSHIFT 5

struct leaf {
	int value;
} CORE;

/* Direct loads and stores, address arithmetic. */
struct moved___l {
	u32 a;
	u32 b;
	struct {
		u32 named_b;
	} named;
	struct leaf leaf;
	struct leaf *next;
	u32 gone;
	u64 both;
	u32 insertet;
} CORE;

CASE(load_moved) { return ((struct moved___l *)ctx)->b; }
CASE(load_nested_named) { return ((struct moved___l *)ctx)->named.named_b; }
CASE(load_through_pointer) { return ((struct moved___l *)ctx)->next->value; }
CASE(load_qualified_struct) { return ((struct moved___l *)ctx)->leaf.value; }
CASE(load_anonymous_union) { return ((struct moved___l *)ctx)->both; }
CASE(load_root_index) { return ((struct moved___l *)ctx)[3].b; }
CASE(load_missing_field) { return ((struct moved___l *)ctx)->gone; }
CASE(load_misspelt_field) { return ((struct moved___l *)ctx)->insertet; }
CASE(store_register) { ((struct moved___l *)ctx)->b = (u32)(u64)ctx; return 0; }
CASE(store_immediate) { ((struct moved___l *)ctx)->b = 7; return 0; }
CASE(add_offset) { return (u64)&((struct moved___l *)ctx)->named.named_b; }
CASE(far_offset) { return field_info(((struct moved___l *)ctx)->b, OFFSET); }

struct resized___l {
	u32 grown;
	u64 shrunk;
	s32 signed_grown;
	u64 tiny;
	u32 *pointer;
	u8 to_char_array[8];
	struct {
		int pad[4];
	} became_struct;
	u32 sign_changed;
	_Bool bool_grown;
	u64 elements[4];
	struct {
		u8 x[4];
	} odd;
} CORE;

CASE(resize_grown) { return ((struct resized___l *)ctx)->grown; }
CASE(resize_shrunk) { return ((struct resized___l *)ctx)->shrunk; }
CASE(resize_signed) { return ((struct resized___l *)ctx)->signed_grown; }
CASE(resize_signed_offset) { return field_info(((struct resized___l *)ctx)->signed_grown, OFFSET); }
CASE(resize_tiny) { return ((struct resized___l *)ctx)->tiny; }
CASE(resize_store) { ((struct resized___l *)ctx)->grown = 5; return 0; }
CASE(resize_pointer) { return (u64)((struct resized___l *)ctx)->pointer; }
CASE(resize_sign_changed) { return ((struct resized___l *)ctx)->sign_changed; }
CASE(resize_bool) { return ((struct resized___l *)ctx)->bool_grown; }
CASE(resize_element) { return ((struct resized___l *)ctx)->elements[2]; }
CASE(resize_array_size) { return field_info(((struct resized___l *)ctx)->to_char_array, SIZE); }
CASE(resize_struct_size) { return field_info(((struct resized___l *)ctx)->became_struct, SIZE); }
CASE(resize_element_size) { return field_info(((struct resized___l *)ctx)->elements[1], SIZE); }

struct far___l {
	u32 field;
} CORE;
CASE(far_load) { return ((struct far___l *)ctx)->field; }
CASE(far_offset_value) { return field_info(((struct far___l *)ctx)->field, OFFSET); }

struct arrays___l {
	u32 plain[5];
	u32 matrix[3][4];
	struct leaf leaves[7];
	u32 short_one[4];
	u32 flexible[];
} CORE;
struct arrays___longer {
	u32 flexible[9];
} CORE;
struct arrays___scalar {
	u32 plain;
} CORE;
CASE(array_element) { return ((struct arrays___l *)ctx)->plain[4]; }
CASE(array_matrix) { return ((struct arrays___l *)ctx)->matrix[2][1]; }
CASE(array_of_structs) { return ((struct arrays___l *)ctx)->leaves[5].value; }
CASE(array_too_short) { return ((struct arrays___l *)ctx)->short_one[3]; }
CASE(array_too_short_exists) { return field_info(((struct arrays___l *)ctx)->short_one[3], EXISTS); }
CASE(array_still_fits) { return ((struct arrays___l *)ctx)->short_one[1]; }
CASE(array_flexible) { return ((struct arrays___l *)ctx)->flexible[100]; }
CASE(array_became_flexible) { return ((struct arrays___longer *)ctx)->flexible[8]; }
CASE(array_whole_offset) { return field_info(((struct arrays___l *)ctx)->matrix, OFFSET); }
CASE(array_row_size) { return field_info(((struct arrays___l *)ctx)->matrix[1], SIZE); }
CASE(array_not_scalar) { return field_info(((struct arrays___scalar *)ctx)->plain, EXISTS); }
CASE(array_flexible_size) { return field_info(((struct arrays___l *)ctx)->flexible, SIZE); }

struct middle_zero___l {
	u32 zero[3];
} CORE;
CASE(array_zero_in_the_middle) { return field_info(((struct middle_zero___l *)ctx)->zero[1], EXISTS); }

/* Bitfields. */
struct bits___l {
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
	u32 gone : 2;
} CORE;
#define BITS(name)                                                                                \
	CASE(bits_offset_##name) { return field_info(((struct bits___l *)ctx)->name, OFFSET); }   \
	CASE(bits_size_##name) { return field_info(((struct bits___l *)ctx)->name, SIZE); }       \
	CASE(bits_exists_##name) { return field_info(((struct bits___l *)ctx)->name, EXISTS); }   \
	CASE(bits_signed_##name) { return field_info(((struct bits___l *)ctx)->name, SIGNED); }   \
	CASE(bits_lshift_##name) { return field_info(((struct bits___l *)ctx)->name, LSHIFT); }   \
	CASE(bits_rshift_##name) { return field_info(((struct bits___l *)ctx)->name, RSHIFT); }
BITS(one)
BITS(three)
BITS(seven)
BITS(twenty)
BITS(negative)
BITS(fifty)
BITS(byte)
BITS(nibble)
BITS(nine)
BITS(wide)
BITS(plain)
BITS(signed_plain)
BITS(small_signed)
BITS(flag)
BITS(gone)

struct packed_bits___l {
	u64 cross : 62;
	u32 straddle : 30;
} CORE;
CASE(bits_cross_words) { return field_info(((struct packed_bits___l *)ctx)->cross, OFFSET); }
CASE(bits_straddle) { return field_info(((struct packed_bits___l *)ctx)->straddle, OFFSET); }
CASE(bits_straddle_size) { return field_info(((struct packed_bits___l *)ctx)->straddle, SIZE); }
CASE(bits_straddle_lshift) { return field_info(((struct packed_bits___l *)ctx)->straddle, LSHIFT); }

struct now_plain___l {
	u32 was_bits : 3;
	u32 was_plain;
} CORE;
CASE(bits_became_plain) { return field_info(((struct now_plain___l *)ctx)->was_bits, OFFSET); }
CASE(bits_became_plain_lshift) { return field_info(((struct now_plain___l *)ctx)->was_bits, LSHIFT); }
CASE(bits_load_of_new_bitfield) { return ((struct now_plain___l *)ctx)->was_plain; }

/* Unions. */
union either___l {
	struct {
		u32 low;
		u32 high;
	} halves;
	u8 bytes[8];
} CORE;
struct holds_union___l {
	union either___l either;
	u16 anonymous_member;
} CORE;
union was_struct_here___unused {
	int x;
};
struct carries_was_struct___l {
	struct was_struct {
		u64 y;
	} changed;
} CORE;
CASE(union_root) { return ((union either___l *)ctx)->halves.high; }
CASE(union_bytes) { return ((union either___l *)ctx)->bytes[6]; }
CASE(union_member) { return ((struct holds_union___l *)ctx)->either.halves.high; }
CASE(union_anonymous) { return ((struct holds_union___l *)ctx)->anonymous_member; }
CASE(union_root_was_struct) { return field_info(((struct was_struct *)ctx)->y, EXISTS); }
CASE(union_member_was_struct)
{
	return field_info(((struct carries_was_struct___l *)ctx)->changed.y, OFFSET);
}

/* Kinds of fields. */
struct incompatible___l {
	u32 *was_pointer;
	u32 was_int;
	u32 was_array[1];
	u32 was_int_too;
	double was_double;
	enum right_name { RIGHT } named_enum;
	enum right_name anonymous_enum;
	double real;
} CORE;
#define KIND(name)                                                                                \
	CASE(kind_##name) { return field_info(((struct incompatible___l *)ctx)->name, EXISTS); }
KIND(was_pointer)
KIND(was_int)
KIND(was_array)
KIND(was_int_too)
KIND(was_double)
KIND(named_enum)
KIND(anonymous_enum)
KIND(real)
CASE(kind_mismatch_load) { return ((struct incompatible___l *)ctx)->was_int; }

/* Candidates. */
struct twice {
	u32 same;
	u32 differs;
	u32 only_second;
	u32 nowhere;
} CORE;
struct pruned {
	u32 only_second;
	u32 only_first;
} CORE;
struct old_only {
	u32 field;
} CORE;
struct old_only___v2 {
	u32 field;
} CORE;
struct not {
	u32 field;
} CORE;
struct not____flavor {
	u32 field;
} CORE;
struct trailing {
	u32 field;
} CORE;
struct trailing___ {
	u32 field;
} CORE;
struct nobody_has_it {
	u32 field;
} CORE;
struct movde {
	u32 field;
} CORE;
union moved___as_union {
	u32 a;
} CORE;
CASE(twice_same) { return ((struct twice *)ctx)->same; }
CASE(twice_ambiguous) { return ((struct twice *)ctx)->differs; }
CASE(twice_only_second) { return ((struct twice *)ctx)->only_second; }
CASE(twice_nowhere) { return ((struct twice *)ctx)->nowhere; }
CASE(twice_exists) { return field_info(((struct twice *)ctx)->differs, EXISTS); }
CASE(twice_type_id) { return type_id(struct twice, 1); }
CASE(twice_type_size) { return type_info(struct twice, 1); }
CASE(pruned_then_absent)
{
	return field_info(((struct pruned *)ctx)->only_second, EXISTS) * 2 +
	       field_info(((struct pruned *)ctx)->only_first, EXISTS);
}
CASE(flavored_target) { return ((struct old_only *)ctx)->field; }
CASE(flavored_both) { return ((struct old_only___v2 *)ctx)->field; }
CASE(not_a_flavor_local) { return field_info(((struct not *)ctx)->field, EXISTS); }
CASE(not_a_flavor_same) { return ((struct not____flavor *)ctx)->field; }
CASE(trailing_underscores) { return field_info(((struct trailing *)ctx)->field, EXISTS); }
CASE(trailing_underscores_same) { return ((struct trailing___ *)ctx)->field; }
CASE(missing_type) { return ((struct nobody_has_it *)ctx)->field; }
CASE(missing_type_exists) { return field_info(((struct nobody_has_it *)ctx)->field, EXISTS); }
CASE(misspelt_type) { return ((struct movde *)ctx)->field; }
CASE(wrong_root_kind) { return field_info(((union moved___as_union *)ctx)->a, EXISTS); }

/* Types. */
typedef u64 id_type;
typedef u32 no_such_type;
typedef struct {
	u32 x;
} anonymous_t;
typedef struct leaf leaf_t;
typedef int (*callback_t)(int, long, struct leaf *);
typedef int (*callback_t___fewer)(int, long);
typedef int (*callback_t___other)(int, long, int);
typedef long (*callback_t___returns)(short, u8, struct twice *);
typedef void (*void_callback_t)(void);
typedef int int_array_t[6];
typedef int int_array_t___shorter[2];
typedef int *int_array_t___pointer;
typedef struct twice *leaf_ptr_t;
typedef int *leaf_ptr_t___int;
typedef void *pointer_t;
enum plain___only_zero { PLAIN_ZERO_ = 0 };
typedef enum plain___only_zero plain_t;
typedef double double_t_;
struct only_declared;
struct sized {
	u64 a;
};
union sized_union {
	u8 bytes[3];
};
enum plain;
#define TYPE(name, type)                                                                          \
	CASE(type_exists_##name) { return type_info(type, 0); }                                   \
	CASE(type_size_##name) { return type_info(type, 1); }                                     \
	CASE(type_matches_##name) { return type_info(type, 2); }                                  \
	CASE(type_id_target_##name) { return type_id(type, 1); }                                  \
	CASE(type_id_local_##name) { return type_id(type, 0); }
TYPE(struct, struct sized)
TYPE(union, union sized_union)
TYPE(typedef_of_int, id_type)
TYPE(missing, no_such_type)
TYPE(typedef_of_anonymous, anonymous_t)
TYPE(typedef_of_struct, leaf_t)
TYPE(callback, callback_t)
TYPE(callback_fewer_arguments, callback_t___fewer)
TYPE(callback_other_argument, callback_t___other)
TYPE(callback_other_result, callback_t___returns)
TYPE(callback_without_arguments, void_callback_t)
TYPE(array, int_array_t)
TYPE(array_shorter, int_array_t___shorter)
TYPE(array_was_pointer, int_array_t___pointer)
TYPE(pointer_to_other_struct, leaf_ptr_t)
TYPE(pointer_to_int, leaf_ptr_t___int)
TYPE(pointer_to_void, pointer_t)
TYPE(typedef_of_enum, plain_t)
TYPE(typedef_of_double, double_t_)
CASE(type_id_target_int) { return type_id(unsigned int, 1); }
CASE(type_id_local_int) { return type_id(unsigned int, 0); }
CASE(type_exists_was_struct) { return type_info(struct was_struct, 0); }

/* TYPE_MATCHES. */
struct match_subset {
	u32 a;
	struct {
		u64 b;
	} inner;
	struct leaf *pointer;
};
struct match_subset___absent {
	u32 a;
	u32 absent;
};
struct match_subset___inner_differs {
	struct {
		u32 b;
	} inner;
};
struct match_size {
	u32 a;
};
struct match_sign {
	u32 a;
};
struct match_pointer {
	struct leaf *p;
	const char *text;
	struct only_declared *declared;
};
struct match_pointer___other {
	struct sized *p;
};
struct match_pointer___declares {
	struct leaf___unseen *p;
};
struct match_pointer___depth {
	struct leaf **p;
};
struct match_pointer___union {
	union leaf___as_union *p;
};
struct match_array {
	int a[4];
};
struct match_array___shorter {
	int a[3];
};
union match_union {
	u64 b;
};
struct match_union___as_struct {
	u64 b;
};
struct match_function {
	int (*call)(struct leaf *, int);
};
struct match_function___less {
	int (*call)(struct leaf *);
};
struct match_function___other {
	int (*call)(struct leaf *, u32);
};
enum match_enum {
	MATCH_B = 50,
	MATCH_A___flavored = 1,
};
enum match_enum___more {
	MATCH_A___x,
	MATCH_Z___x,
};
enum match_enum64 {
	MATCH64_A,
};
enum match_enum64___wide {
	MATCH64_B___w = 0x700000000ULL,
};
struct match_anonymous {
	union {
		u64 c;
	};
	int a;
};
struct match_anonymous___missing {
	union {
		u64 d;
	};
};
struct match_missing {
	int a;
};
#define MATCH(name, type)                                                                         \
	CASE(matches_##name) { return type_info(type, 2); }
MATCH(subset, struct match_subset)
MATCH(absent_member, struct match_subset___absent)
MATCH(inner_differs, struct match_subset___inner_differs)
MATCH(size, struct match_size)
MATCH(sign, struct match_sign)
MATCH(pointers, struct match_pointer)
MATCH(pointer_to_other, struct match_pointer___other)
MATCH(pointer_to_declared, struct match_pointer___declares)
MATCH(pointer_depth, struct match_pointer___depth)
MATCH(pointer_to_union, struct match_pointer___union)
MATCH(array, struct match_array)
MATCH(array_shorter, struct match_array___shorter)
MATCH(union, union match_union)
MATCH(union_as_struct, struct match_union___as_struct)
MATCH(function, struct match_function)
MATCH(function_less, struct match_function___less)
MATCH(function_other, struct match_function___other)
MATCH(enum, enum match_enum)
MATCH(enum_more, enum match_enum___more)
MATCH(enum64_narrow, enum match_enum64)
MATCH(enum64, enum match_enum64___wide)
MATCH(anonymous, struct match_anonymous)
MATCH(anonymous_missing, struct match_anonymous___missing)
MATCH(missing, struct match_missing)

/* Enumerators. */
enum plain___l {
	PLAIN_ONE = 1,
	PLAIN_NEGATIVE = -1,
	PLAIN_GONE = 5,
	PLAIN_FLAVORED___here = 6,
	PLAIN_ONE___flavored = 1,
};
enum unsigned_top___l {
	UNSIGNED_TOP = 0xfffffff1u,
	UNSIGNED_LOW = 4,
};
enum big___l {
	BIG_VALUE = 0x100000000ULL,
	BIG_TOP = 0xffffffffffffff01ULL,
};
enum big_signed___l {
	BIG_SIGNED_LOW = -0x100000000LL,
	BIG_SIGNED_HIGH = 2,
};
enum narrowed___l {
	NARROWED = 0x200000000ULL,
};
enum widened___l {
	WIDENED = 4,
};
enum no_such_enum {
	NO_SUCH_VALUE = 3,
};
#define ENUM(name, type, value)                                                                   \
	CASE(enum_exists_##name) { return enum_info(type, value, 0); }                            \
	CASE(enum_value_##name) { return enum_info(type, value, 1); }
ENUM(one, enum plain___l, PLAIN_ONE)
ENUM(negative, enum plain___l, PLAIN_NEGATIVE)
ENUM(gone, enum plain___l, PLAIN_GONE)
ENUM(flavored, enum plain___l, PLAIN_FLAVORED___here)
ENUM(flavored_here_only, enum plain___l, PLAIN_ONE___flavored)
ENUM(unsigned_top, enum unsigned_top___l, UNSIGNED_TOP)
ENUM(unsigned_low, enum unsigned_top___l, UNSIGNED_LOW)
ENUM(big, enum big___l, BIG_VALUE)
ENUM(big_top, enum big___l, BIG_TOP)
ENUM(big_signed, enum big_signed___l, BIG_SIGNED_LOW)
ENUM(big_signed_high, enum big_signed___l, BIG_SIGNED_HIGH)
ENUM(narrowed, enum narrowed___l, NARROWED)
ENUM(widened, enum widened___l, WIDENED)
ENUM(missing_enum, enum no_such_enum, NO_SUCH_VALUE)

char LICENSE[] __attribute__((section("license"), used)) = "GPL";
