#!/bin/bash
# Builds src/linux/driver/driver.c into the static program beside it.
#
#   scripts/build-driver.sh           writes it
#   scripts/build-driver.sh --check   builds it elsewhere, and fails if the committed one differs
#
# Needs clang-19 and ld (Debian: clang-19 binutils).
set -euo pipefail

cd "$(dirname "$0")/.."
clang=${CLANG:-clang-19}
command -v "$clang" >/dev/null || { echo "$clang is not installed (Debian: apt install clang-19)" >&2; exit 1; }

program=src/linux/driver/driver
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$clang" -target x86_64-linux-gnu -Os -Wall -Wextra -Werror -ffreestanding -fno-builtin -fno-pic -mno-sse \
  -fno-stack-protector -fno-ident -fno-asynchronous-unwind-tables -fcf-protection=none \
  -nostdlib -static -Wl,-s,-z,noexecstack,-z,separate-code,--build-id=none,--no-eh-frame-hdr \
  "$program.c" -o "$work/driver"
if [ "${1:-}" = --check ]; then
  cmp "$work/driver" "$program" || { echo "$program is not what its source gives: run scripts/build-driver.sh" >&2; exit 1; }
else
  install -m 755 "$work/driver" "$program"
fi
