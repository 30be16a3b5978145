// Prints raw BTF files as C headers and lets clang check them: every struct has the size, and every member the
// offset, that BTF says. Usage: node --import jiti/register scripts/check-vmlinux-h.ts FILE...
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { printC, printStaticAsserts, readBtf } from '../src/btf/index.ts';

const CLANG = ['clang-19', '-target', 'bpf', '-O2', '-g', '-Wall', '-Werror', '-c'];

/** What clang says against the header of one BTF file; empty if nothing. */
const check = (file: string, dir: string): string => {
  const btf = readBtf(new Uint8Array(readFileSync(file)), { file });
  const asserts = printStaticAsserts(btf);
  writeFileSync(join(dir, 'vmlinux.h'), printC(btf));
  writeFileSync(join(dir, 'check.c'), `#include "vmlinux.h"\n\n${asserts}`);
  const [clang = '', ...args] = CLANG;
  const { status, stderr, error } = spawnSync(clang, [...args, 'check.c', '-o', 'check.o'], {
    cwd: dir,
    encoding: 'utf8',
  });
  if (error !== undefined) throw error;
  console.log(`${file}: ${asserts.split('\n').length - 1} asserts, clang status ${status}`);
  return status === 0 ? stderr : stderr || `clang ended with status ${status}`;
};

const files = process.argv.slice(2);
if (files.length === 0) {
  console.error('usage: check-vmlinux-h.ts BTF_FILE...');
  process.exit(2);
}
const dir = mkdtempSync(join(tmpdir(), 'vmlinux-h-'));
try {
  for (const file of files) {
    const errors = check(file, dir);
    if (errors === '') continue;
    console.error(errors);
    process.exitCode = 1;
  }
} finally {
  rmSync(dir, { recursive: true });
}
