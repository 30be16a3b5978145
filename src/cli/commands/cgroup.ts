import { BPF_ATTACH_TYPE, ERRNO, errnoText, O } from '../../abi/index.ts';
import { readBtf, type Btf } from '../../btf/index.ts';
import type { Args } from '../bpftool/args.ts';
import {
  attachmentsJson,
  cgroupHeader,
  cgroupJson,
  formatAttachments,
  formatCgroup,
  type ShownAttachment,
  type ShownCgroup,
} from '../bpftool/cgroup.ts';
import { ATTACH_TYPE_NAMES } from '../bpftool/names.ts';
import {
  fullName,
  infoOf,
  mountsOf,
  openById,
  readBtfById,
  selectOne,
  using,
  type InfoOf,
} from '../bpftool/objects.ts';
import { BpftoolError, done, printJson, type Session } from '../bpftool/session.ts';

const QUERY_EFFECTIVE = 1;
const VMLINUX = 'vmlinux';

/** Attach types that a cgroup can have programs of. */
const CGROUP_ATTACH_TYPES = [...ATTACH_TYPE_NAMES].filter(
  ([number, name]) => name.startsWith('cgroup_') || number === BPF_ATTACH_TYPE.LSM_CGROUP,
);

/** The BTF objects that attach targets are in, each read once. */
interface Targets {
  readonly known: Map<number, Btf>;
}

async function btfOf(session: Session, { known }: Targets, id: number): Promise<Btf> {
  const open = known.get(id);
  if (open !== undefined) return open;
  const isVmlinux = await using(session, await openById(session, 'btf', id), async (fd) => {
    const { kernelBtf, name } = await infoOf(session, 'btf', fd);
    return kernelBtf && name === VMLINUX;
  });
  const btf = isVmlinux
    ? readBtf(await session.kernel.btf(), { file: VMLINUX })
    : await readBtfById(session, id);
  known.set(id, btf);
  return btf;
}

async function targetOf(
  session: Session,
  targets: Targets,
  { attachBtfObjId, attachBtfId }: InfoOf<'prog'>,
): Promise<Pick<ShownAttachment, 'target'>> {
  if (attachBtfObjId === 0 || attachBtfId === 0) return {};
  const btf = await btfOf(session, targets, attachBtfObjId);
  return {
    target: { name: btf.name(attachBtfId), btfObjId: attachBtfObjId, btfId: attachBtfId },
  };
}

/** Opens a cgroup directory. @throws BpftoolError */
async function openCgroup(session: Session, path: string): Promise<number> {
  const fd = await session.kernel.self.call('open', path, O.RDONLY | O.DIRECTORY);
  if (fd < 0) throw new BpftoolError(`can't open cgroup ${path}: ${errnoText(fd)}`);
  return fd;
}

/** Programs of one attach type; undefined where the kernel or the directory has none of that type. */
async function query(session: Session, targetFd: number, attachType: number, queryFlags: number) {
  const result = await session.kernel.self.bpf('PROG_QUERY', { targetFd, attachType, queryFlags });
  if (result.ok) return { ok: true, ...result.value } as const;
  return { ok: false, errno: result.errno } as const;
}

async function attachmentsOf(
  session: Session,
  targets: Targets,
  path: string,
  effective: boolean,
): Promise<readonly ShownAttachment[]> {
  const found: ShownAttachment[] = [];
  await using(session, await openCgroup(session, path), async (fd) => {
    let refused: number | undefined;
    let answered = false;
    for (const [attachType] of CGROUP_ATTACH_TYPES) {
      const answer = await query(session, fd, attachType, effective ? QUERY_EFFECTIVE : 0);
      if (!answer.ok) refused ??= answer.errno;
      else {
        answered = true;
        for (const [i, id] of answer.progIds.entries()) {
          const own = answer.progAttachFlags[i] ?? answer.attachFlags;
          const attachFlags = effective ? undefined : own;
          found.push(await attachmentOf(session, targets, { id, attachType, attachFlags }));
        }
      }
    }
    // A type that this kernel does not know is no failure as long as it knows some.
    if (!answered && refused !== undefined)
      throw new BpftoolError(
        `can't query bpf programs attached to ${path}: ${queryFailure(refused)}`,
      );
  });
  return found;
}

const queryFailure = (errno: number): string =>
  errno === ERRNO.EBADF ? 'it is no directory of a cgroup v2 file system' : errnoText(errno);

const attachmentOf = async (
  session: Session,
  targets: Targets,
  at: { id: number; attachType: number; attachFlags: number | undefined },
): Promise<ShownAttachment> =>
  using(session, await openById(session, 'prog', at.id), async (fd) => {
    const info = await infoOf(session, 'prog', fd);
    const name = await fullName(session, info);
    return { progId: at.id, ...at, name, ...(await targetOf(session, targets, info)) };
  });

function takeEffective(args: Args): boolean {
  const effective = args.takeKeyword('effective') !== undefined;
  const word = args.peek();
  if (word === undefined) return effective;
  throw new BpftoolError(
    effective && 'effective'.startsWith(word)
      ? `duplicated argument: ${word}`
      : `expected no more arguments, 'effective', got: '${word}'?`,
  );
}

/** `cgroup show CGROUP [effective]` */
export async function showCgroup(session: Session, args: Args): Promise<void> {
  args.need('show', 1);
  const path = args.take('a cgroup');
  const effective = takeEffective(args);
  const programs = await attachmentsOf(session, { known: new Map() }, path, effective);
  if (programs.length === 0) return;
  if (session.output.json) printJson(session, attachmentsJson(programs));
  else session.write(cgroupHeader(effective) + formatAttachments(programs));
}

/** `cgroup tree [ROOT] [effective]`: the cgroups that have programs. */
export async function showCgroupTree(session: Session, args: Args): Promise<void> {
  const given = args.length > 0 ? args.take('a cgroup') : undefined;
  const root = given ?? mountsOf(session).find(({ type }) => type === 'cgroup2')?.path;
  if (root === undefined) throw new BpftoolError("cgroup v2 isn't mounted");
  const effective = takeEffective(args);
  const folders = session.machine.foldersBelow(root);
  if (folders === undefined) throw new BpftoolError(`can't iterate over ${root}`);
  const targets = { known: new Map() };
  const cgroups: ShownCgroup[] = [];
  for (const path of folders) {
    const programs = await attachmentsOf(session, targets, path, effective);
    if (programs.length > 0) cgroups.push({ path, programs });
  }
  if (session.output.json) {
    printJson(session, cgroups.map(cgroupJson));
    return;
  }
  const texts = cgroups.map((cgroup) => formatCgroup(cgroup, cgroup.path === root ? 0 : 1));
  session.write(`CgroupPath\n${cgroupHeader(effective)}${texts.join('')}`);
}

const ATTACH_TYPE_NUMBERS = new Map(CGROUP_ATTACH_TYPES.map(([number, name]) => [name, number]));
const ATTACH_FLAGS = { multi: 2, override: 1 } as const;

interface Attachment {
  readonly targetFd: number;
  readonly attachBpfFd: number;
  readonly attachType: number;
  readonly attachFlags: number;
}

/** `CGROUP ATTACH_TYPE PROG [multi | override]` */
async function withAttachment(
  session: Session,
  args: Args,
  verb: 'attach' | 'detach',
  use: (attachment: Attachment) => Promise<void>,
): Promise<void> {
  if (args.length < 4) throw new BpftoolError(`too few parameters for cgroup ${verb}`);
  const path = args.take('a cgroup');
  await using(session, await openCgroup(session, path), async (targetFd) => {
    const attachType = ATTACH_TYPE_NUMBERS.get(args.take('an attach type'));
    if (attachType === undefined) throw new BpftoolError('invalid attach type');
    await using(session, await selectOne(session, 'prog', args), async (attachBpfFd) => {
      const flag = verb === 'attach' ? args.takeKeyword('multi', 'override') : undefined;
      const word = args.peek();
      if (word !== undefined) throw new BpftoolError(`unknown option: ${word}`);
      const attachFlags = flag === undefined ? 0 : ATTACH_FLAGS[flag];
      await use({ targetFd, attachBpfFd, attachType, attachFlags });
    });
  });
  done(session);
}

/** `cgroup attach CGROUP ATTACH_TYPE PROG [multi | override]`: without a link, so it lasts until it is detached. */
export const attachToCgroup = (session: Session, args: Args): Promise<void> =>
  withAttachment(session, args, 'attach', async (attachment) => {
    const result = await session.kernel.self.bpf('PROG_ATTACH', attachment);
    if (!result.ok) throw new BpftoolError(`failed to attach program: ${errnoText(result.errno)}`);
  });

/** `cgroup detach CGROUP ATTACH_TYPE PROG` */
export const detachFromCgroup = (session: Session, args: Args): Promise<void> =>
  withAttachment(session, args, 'detach', async ({ targetFd, attachBpfFd, attachType }) => {
    const attr = { targetFd, attachBpfFd, attachType };
    const result = await session.kernel.self.bpf('PROG_DETACH', attr);
    if (!result.ok) throw new BpftoolError(`failed to detach program: ${errnoText(result.errno)}`);
  });
