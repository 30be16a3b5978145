import { BPF_LINK_TYPE, errnoText } from '../../abi/index.ts';
import type { Args } from '../bpftool/args.ts';
import { formatLink, linkJson, type ShownLink } from '../bpftool/link.ts';
import {
  eachObject,
  infoOf,
  openById,
  pin,
  pinnedPaths,
  selectMany,
  selectOne,
  using,
  type InfoOf,
} from '../bpftool/objects.ts';
import { BpftoolError, done, type Session } from '../bpftool/session.ts';
import { pinsOf, printObjects } from './prog.ts';

type Pins = ReadonlyMap<number, readonly string[]>;

async function shownLink(
  session: Session,
  info: InfoOf<'link'>,
  pins: Pins | undefined,
): Promise<ShownLink> {
  const progType =
    info.type === BPF_LINK_TYPE.TRACING ? await progTypeOf(session, info.progId) : undefined;
  return { ...info, progType, pinned: pinsOf(pins, info.id) };
}

const progTypeOf = async (session: Session, id: number): Promise<number> =>
  using(session, await openById(session, 'prog', id), async (fd) => {
    const { type } = await infoOf(session, 'prog', fd);
    return type;
  });

/** `link show [id N | pinned PATH]` */
export async function showLinks(session: Session, args: Args): Promise<void> {
  const pins = session.showPinned ? await pinnedPaths(session, 'link') : undefined;
  const links: ShownLink[] = [];
  const asked = args.hasHandle();
  if (asked) {
    for (const fd of await selectMany(session, 'link', args))
      await using(session, fd, async () => {
        links.push(await shownLink(session, await infoOf(session, 'link', fd), pins));
      });
  } else {
    await eachObject(session, 'link', async (info) => {
      links.push(await shownLink(session, info, pins));
    });
  }
  printObjects(session, links, asked, { text: formatLink, json: linkJson });
}

/** `link pin LINK PATH` */
export async function pinLink(session: Session, args: Args): Promise<void> {
  args.need('pin', 3);
  await pin(session, 'link', args);
  done(session);
}

/** The exit code of a detach that failed, whatever the reason. */
const NOT_DETACHED = 1;

/** `link detach LINK`. Links of LSM programs (LSM_MAC) cannot be detached: they last as long as somebody holds them. */
export async function detachLink(session: Session, args: Args): Promise<void> {
  if (args.length !== 2)
    throw new BpftoolError('link specifier is invalid or missing', NOT_DETACHED);
  const fd = await selectOne(session, 'link', args).catch((error: unknown) => {
    throw error instanceof BpftoolError ? new BpftoolError(error.message, NOT_DETACHED) : error;
  });
  await using(session, fd, async () => {
    const result = await session.kernel.self.bpf('LINK_DETACH', { linkFd: fd });
    if (!result.ok)
      throw new BpftoolError(`failed link detach: ${errnoText(result.errno)}`, NOT_DETACHED);
  });
  done(session);
}
