#!/bin/bash
# Makes kernels/: the BTF and configuration of the Debian kernels that the package ships.
#
#   scripts/make-kernels.sh [DIR]
#
# Packages are fetched with apt from the mirror that this machine's own sources name, in private lists, so that the
# system's lists stay as they are; they are kept in DIR when one is given, and not fetched again.
# Needs apt, dpkg-deb and `npm ci` done. Newer kernels in the archive give newer files.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
chmod 755 "$work" # apt drops its privileges and must still be able to enter
trap 'rm -rf "$work"' EXIT
keep=${1:-$work/kept}
mkdir -p "$keep"
keep=$(cd "$keep" && pwd)

sources() {
  cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null
}
# The first Debian mirror named either way: `URIs: …` or `deb [options] … suite`. Security mirrors lack backports.
mirror=$(sources | grep -v security |
  sed -nE 's/^URIs:[[:space:]]*([^[:space:]]+).*/\1/p; s/^deb[[:space:]]+(\[[^]]*\][[:space:]]+)?([^[:space:]]+).*/\2/p' |
  grep -m1 debian || true)
[ -n "$mirror" ] || { echo "no Debian mirror in this machine's apt sources" >&2; exit 1; }

# fetch SERIES SUITE PATTERN: leaves the newest package whose name matches, unpacked, in $keep/SERIES.
fetch() {
  local series=$1 suite=$2 pattern=$3 dir=$work/$1 package
  [ -d "$keep/$series/boot" ] && return
  mkdir -p "$dir/lists/partial" "$dir/deb"
  : >"$dir/status"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$dir/sources.list"
  local options=(-o Dir::Etc::sourcelist="$dir/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::Lists="$dir/lists"
    -o Dir::State::status="$dir/status" -o APT::Sandbox::User=root -o Acquire::Retries=3)
  apt-get -qq "${options[@]}" update
  package=$(apt-cache "${options[@]}" search --names-only "$pattern" | awk '{print $1}' | sort -V | tail -n 1)
  [ -n "$package" ] || { echo "no package matches $pattern in $suite" >&2; exit 1; }
  (cd "$dir/deb" && apt-get -qq "${options[@]}" download "$package")
  mkdir -p "$keep/$series"
  dpkg-deb -x "$dir"/deb/*.deb "$keep/$series"
  # shellcheck disable=SC2016 # the format is dpkg-query's, not the shell's
  dpkg-deb -W --showformat='${Package} ${Version}\n' "$dir"/deb/*.deb >"$keep/$series/package"
  cat "$keep/$series/package"
}

fetch 6.1 bookworm '^linux-image-6\.1\.[0-9.-]+-cloud-amd64$'
fetch 6.12 bookworm-backports '^linux-image-6\.12\.[0-9]+\+deb12-cloud-amd64$'
fetch 6.18 trixie-backports '^linux-image-6\.18\.[0-9]+\+deb13-cloud-amd64$'

cd "$root"
node --import jiti/register scripts/make-kernels.ts "$keep" 6.1 6.12 6.18
