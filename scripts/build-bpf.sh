#!/bin/bash
# Builds each *.bpf.c under src/**/testdata, examples/ and test/ into a .bpf.o beside it.
#
#   scripts/build-bpf.sh           writes the objects
#   scripts/build-bpf.sh --check   builds them elsewhere, and fails if a committed one holds other programs
#
# Needs clang-19 (or what CLANG names), llvm-strip-19 (LLVM_STRIP) and libbpf's headers (Debian: clang-19 llvm-19
# libbpf-dev). Sources that include vmlinux.h get it from the package's BTF of the kernel that VMLINUX names, after
# `npm ci`. DWARF is stripped: krsi and libbpf read BTF.
set -euo pipefail

cd "$(dirname "$0")/.."
clang=${CLANG:-clang-19}
strip=${LLVM_STRIP:-llvm-strip-19}
command -v "$clang" >/dev/null || { echo "$clang is not installed (Debian: apt install clang-19)" >&2; exit 1; }
command -v "$strip" >/dev/null || { echo "$strip is not installed (Debian: apt install llvm-19)" >&2; exit 1; }
echo '#include <bpf/bpf_helpers.h>' | "$clang" -target bpf -M -E - >/dev/null 2>&1 ||
  { echo "bpf/bpf_helpers.h is missing (Debian: apt install libbpf-dev)" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mapfile -t sources < <(find src examples test -name '*.bpf.c' | sort)
if grep -lq '#include "vmlinux.h"' "${sources[@]}"; then
  npx krsi btf dump "${VMLINUX:-6.18}" --format c >"$work/vmlinux.h"
fi

pairs=()
for source in "${sources[@]}"; do
  object=${source%.c}.o
  if [ "${1:-}" = --check ]; then
    fresh=$work/$object
    mkdir -p "$(dirname "$fresh")"
    pairs+=("$object" "$fresh")
  else
    fresh=$object
  fi
  # The prefix map keeps the objects free of the directory they were built in.
  "$clang" -O2 -g -target bpf -mcpu="${MCPU:-v3}" -Wall -Werror -I "$work" -ffile-prefix-map="$PWD=." \
    -c "$source" -o "$fresh"
  "$strip" -g "$fresh"
done
if [ ${#pairs[@]} -gt 0 ]; then
  node --import jiti/register scripts/compare-bpf.ts "${pairs[@]}"
fi
