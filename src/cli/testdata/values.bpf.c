// Types of every kind that map values are printed from, and one program that tests an argument for NULL.
#define SEC(name) __attribute__((section(name), used))
#define __uint(name, val) int(*name)[val]
#define __type(name, val) typeof(val) *name
#define BPF_MAP_TYPE_HASH 1

enum color { RED, GREEN = 5, NEG = -2 };

struct inner {
  short s;
  signed char c;
  _Bool b;
};

struct value {
  unsigned long long big;
  long long neg;
  unsigned int bits1 : 3, bits2 : 13;
  int sbits : 5;
  char name[8];
  char full[4];
  unsigned char bytes[3];
  unsigned char uc;
  enum color color;
  enum color other;
  struct inner in[2];
  void *ptr;
  void *nullp;
  union {
    unsigned int a;
    unsigned char b[4];
  };
  __int128 wide;
  char ch;
  unsigned short us;
  const volatile unsigned int cv;
};

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 4);
  __type(key, unsigned int);
  __type(value, struct value);
} values SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 4);
  __uint(key_size, 20);
  __uint(value_size, 3);
} plain SEC(".maps");

unsigned long long counter = 3;
char text[6] = "hi";

SEC("lsm/mmap_file")
int deny_mapped_files(unsigned long long *ctx) {
  void *file = (void *)ctx[0];
  if (file)
    return -13;
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
