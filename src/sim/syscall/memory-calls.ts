import { ERRNO, MAP } from '../../abi/index.ts';
import type { Syscalls } from '../../kernel/syscalls.ts';
import { mmOf } from '../mm/map.ts';
import { isPageAligned } from '../mm/user-memory.ts';
import type { Call } from './context.ts';
import { fileOf, ofFd } from './file-calls.ts';

const { EBADF, EINVAL } = ERRNO;

type MemoryCall = 'mmap' | 'mprotect' | 'munmap' | 'brk';

const range = (_context: unknown, address: number, length: number): string =>
  `0x${address.toString(16)}-0x${(address + length).toString(16)}`;

export const MEMORY_CALLS: { readonly [N in MemoryCall]: Call<Parameters<Syscalls[N]>> } = {
  mmap: {
    object: (context, _address, _length, _prot, flags, fd) =>
      (flags & MAP.ANONYMOUS) !== 0 ? 'anonymous memory' : ofFd(context, fd),
    run(context, address, length, prot, flags, fd, offset) {
      if (offset < 0 || address < 0 || !isPageAligned(offset)) return -EINVAL;
      const anonymous = (flags & MAP.ANONYMOUS) !== 0;
      const file = anonymous ? undefined : fileOf(context, fd);
      if (!anonymous && file === undefined) return -EBADF;
      // Huge pages need a file system for them, which is not mounted.
      if ((flags & MAP.HUGETLB) !== 0) return -EINVAL;
      const mm = mmOf(context.task);
      const unsigned = length < 0 ? length + 2 ** 64 : length;
      return context.mapping.mmap(mm, { address, length: unsigned, prot, flags, file, offset });
    },
  },
  mprotect: {
    object: range,
    run: ({ mapping, task }, address, length, prot) =>
      address < 0 || length < 0 ? -EINVAL : mapping.mprotect(mmOf(task), address, length, prot),
  },
  munmap: {
    object: range,
    run: ({ task }, address, length) =>
      address < 0 || length < 0 ? -EINVAL : mmOf(task).unmap(address, length),
  },
  brk: { run: ({ mapping, task }, address) => mapping.brk(mmOf(task), address) },
};
