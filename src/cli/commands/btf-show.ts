import type { Args } from '../bpftool/args.ts';
import { btfJson, formatBtf, type ShownBtf } from '../bpftool/btf.ts';
import { eachObject, infoOf, selectMany, using, type InfoOf } from '../bpftool/objects.ts';
import type { Session } from '../bpftool/session.ts';
import { printObjects } from './prog.ts';

/** Ids of the objects of a kind by the BTF that they use. */
async function usersOf(
  session: Session,
  kind: 'prog' | 'map',
): Promise<ReadonlyMap<number, readonly number[]>> {
  const users = new Map<number, number[]>();
  await eachObject(session, kind, async ({ id, btfId }) => {
    if (btfId !== 0) users.set(btfId, [...(users.get(btfId) ?? []), id]);
  });
  return users;
}

/** `btf show [id N]` */
export async function showBtfs(session: Session, args: Args): Promise<void> {
  const progs = await usersOf(session, 'prog');
  const maps = await usersOf(session, 'map');
  const shown = (info: InfoOf<'btf'>): ShownBtf => ({
    ...info,
    progIds: progs.get(info.id) ?? [],
    mapIds: maps.get(info.id) ?? [],
  });
  const btfs: ShownBtf[] = [];
  if (args.hasHandle()) {
    for (const fd of await selectMany(session, 'btf', args))
      await using(session, fd, async () => {
        btfs.push(shown(await infoOf(session, 'btf', fd)));
      });
  } else {
    await eachObject(session, 'btf', async (info) => {
      btfs.push(shown(info));
    });
  }
  // An array also for one: here bpftool differs from its other lists.
  printObjects(session, btfs, false, { text: formatBtf, json: btfJson });
}
