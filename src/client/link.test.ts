import { describe, expect, it } from 'vitest';
import type { BpfCommand, Task } from '../kernel/index.ts';
import { Fds } from './fds.ts';
import { Link } from './link.ts';

/** A link on a task that keeps what it is asked, and refuses with `errno` if that is given. */
function setUp(errno?: number) {
  const asked: [command: string, attr: object][] = [];
  const task = {
    bpf: (command: BpfCommand, attr: object) => {
      asked.push([command, attr]);
      const refused = { ok: false, errno, reason: '' };
      return Promise.resolve(errno === undefined ? { ok: true, value: 0 } : refused);
    },
    call: (name: string, fd: number) => {
      asked.push([name, { fd }]);
      return Promise.resolve(0);
    },
  } as unknown as Task;
  return { asked, link: new Link(new Fds(task), 7, "link of program 'guard'") };
}

describe('a link', () => {
  it('is pinned, replaced, detached and closed by its descriptor', async () => {
    const { asked, link } = setUp();
    await link.pin('/sys/fs/bpf/guard');
    await link.update({ fd: 8 });
    await link.update({ fd: 9 }, { fd: 8 });
    await link.detach();
    await link.close();
    await link.close();
    expect(asked).toEqual([
      ['OBJ_PIN', { bpfFd: 7, pathname: '/sys/fs/bpf/guard' }],
      ['LINK_UPDATE', { linkFd: 7, newProgFd: 8 }],
      ['LINK_UPDATE', { linkFd: 7, newProgFd: 9, oldProgFd: 8, flags: 4 }],
      ['LINK_DETACH', { linkFd: 7 }],
      ['close', { fd: 7 }],
    ]);
  });

  it('names itself when it is refused', async () => {
    const { link } = setUp(95);
    await expect(link.detach()).rejects.toThrow(
      "link of program 'guard': LINK_DETACH: EOPNOTSUPP: Operation not supported",
    );
    await expect(link.pin('/tmp/guard')).rejects.toThrow(
      "link of program 'guard': pin /tmp/guard: OBJ_PIN: EOPNOTSUPP",
    );
  });
});
