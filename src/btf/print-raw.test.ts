import { expect, it } from 'vitest';
import { printRaw } from './print-raw.ts';
import { EVERY_KIND, open } from './testdata/types.ts';

it('prints each kind as bpftool does', () => {
  expect(printRaw(open(EVERY_KIND))).toBe(
    `[1] INT 'int' size=4 bits_offset=0 nr_bits=32 encoding=SIGNED
[2] PTR '(anon)' type_id=4
[3] ARRAY '(anon)' type_id=1 index_type_id=1 nr_elems=3
[4] STRUCT 's' size=32 vlen=3
	'a' type_id=1 bits_offset=0
	'p' type_id=2 bits_offset=64
	'arr' type_id=3 bits_offset=128
[5] STRUCT 'bits' size=8 vlen=3
	'a' type_id=1 bits_offset=0 bitfield_size=3
	'b' type_id=7 bits_offset=3 bitfield_size=9
	'c' type_id=1 bits_offset=32
[6] UNION 'u' size=8 vlen=2
	'a' type_id=1 bits_offset=0
	'(anon)' type_id=5 bits_offset=0
[7] ENUM 'e' encoding=UNSIGNED size=4 vlen=2
	'A' val=0
	'B' val=4294967295
[8] FWD 'f' fwd_kind=struct
[9] FWD 'fu' fwd_kind=union
[10] TYPEDEF 't' type_id=4
[11] VOLATILE '(anon)' type_id=10
[12] CONST '(anon)' type_id=11
[13] RESTRICT '(anon)' type_id=2
[14] FUNC_PROTO '(anon)' ret_type_id=1 vlen=3
	'x' type_id=2
	'y' type_id=13
	'(anon)' type_id=0
[15] FUNC 'fn' type_id=14 linkage=global
[16] VAR 'v' type_id=4, linkage=static
[17] DATASEC '.data' size=32 vlen=1
	type_id=16 offset=0 size=32 (VAR 'v')
[18] FLOAT 'double' size=8
[19] DECL_TAG 'tag' type_id=4 component_idx=1
[20] DECL_TAG 'tag' type_id=16 component_idx=-1
[21] TYPE_TAG 'user' type_id=1
[22] TYPE_TAG 'address_space(1)' type_id=1
[23] PTR '(anon)' type_id=21
[24] ENUM64 'e64' encoding=SIGNED size=8 vlen=1
	'Q' val=-1099511627776LL
[25] ENUM64 'eu64' encoding=UNSIGNED size=8 vlen=1
	'R' val=9223372036854775808ULL
[26] ENUM 'es' encoding=SIGNED size=4 vlen=1
	'N' val=-1
`,
  );
});
