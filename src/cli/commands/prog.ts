import type { Args } from '../bpftool/args.ts';
import type { Json } from '../bpftool/json.ts';
import {
  eachObject,
  fdinfoNumber,
  fullName,
  infoOf,
  pin,
  pinnedPaths,
  selectMany,
  using,
  type InfoOf,
} from '../bpftool/objects.ts';
import { formatProg, progJson, type ShownProg } from '../bpftool/prog.ts';
import { done, printJson, type Session } from '../bpftool/session.ts';

type Pins = ReadonlyMap<number, readonly string[]>;

/** bpftool tells of pins only if there are any at all, of each object then. */
export const pinsOf = (pins: Pins | undefined, id: number): readonly string[] | undefined =>
  pins === undefined || pins.size === 0 ? undefined : (pins.get(id) ?? []);

async function shownProg(
  session: Session,
  info: InfoOf<'prog'>,
  fd: number,
  pins: Pins | undefined,
): Promise<ShownProg> {
  const loadedMs = session.machine.bootedAt + Number(info.loadTime / 1_000_000n);
  return {
    ...info,
    name: await fullName(session, info),
    loadedAt: info.loadTime === 0n ? undefined : Math.floor(loadedMs / 1000),
    uid: info.createdByUid,
    xlatedBytes: info.xlatedProgLen,
    jitedBytes: info.jitedProgLen,
    memlock: fdinfoNumber(session, fd, 'memlock'),
    pinned: pinsOf(pins, info.id),
  };
}

/**
 * Prints objects one by one as text, or as JSON: an array of all objects, of several that were asked for, or the only
 * one that was asked for as it is.
 */
export function printObjects<T>(
  session: Session,
  objects: readonly T[],
  asked: boolean,
  formats: { readonly text: (object: T) => string; readonly json: (object: T) => Json },
): void {
  if (!session.output.json) {
    session.write(objects.map(formats.text).join(''));
    return;
  }
  const values = objects.map(formats.json);
  const [only] = values;
  printJson(session, asked && values.length === 1 && only !== undefined ? only : values);
}

/** `prog show [id N | tag T | name N | pinned PATH]` */
export async function showProgs(session: Session, args: Args): Promise<void> {
  const pins = session.showPinned ? await pinnedPaths(session, 'prog') : undefined;
  const progs: ShownProg[] = [];
  const asked = args.hasHandle();
  if (asked) {
    for (const fd of await selectMany(session, 'prog', args))
      await using(session, fd, async () => {
        progs.push(await shownProg(session, await infoOf(session, 'prog', fd), fd, pins));
      });
  } else {
    await eachObject(session, 'prog', async (info, fd) => {
      progs.push(await shownProg(session, info, fd, pins));
    });
  }
  printObjects(session, progs, asked, { text: formatProg, json: progJson });
}

/** `prog pin PROG PATH` */
export async function pinProg(session: Session, args: Args): Promise<void> {
  args.need('pin', 3);
  await pin(session, 'prog', args);
  done(session);
}
