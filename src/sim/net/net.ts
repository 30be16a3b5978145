import { AF, ERRNO, IPPROTO, SOCK } from '../../abi/index.ts';
import type { FileOps } from '../fs/inode.ts';
import type { Mount } from '../fs/mount.ts';
import type { Vfs } from '../fs/vfs.ts';
import type { File } from '../fs/file.ts';
import { FMODE, O, S } from '../fs/flags.ts';
import { GFP_KERNEL, hookPoints } from '../task/core.ts';
import type { Task } from '../task/task.ts';
import { Inet } from './inet.ts';
import { SS, Socket, TCP } from './socket.ts';

const {
  EAFNOSUPPORT,
  EINVAL,
  ENFILE,
  ENOBUFS,
  ENOTCONN,
  ENOTSOCK,
  EBADF,
  EPROTONOSUPPORT,
  ESOCKTNOSUPPORT,
  EOPNOTSUPP,
} = ERRNO;

const HOOKS = [
  'socket_create',
  'socket_post_create',
  'socket_bind',
  'socket_connect',
  'socket_listen',
  'sk_alloc_security',
  'sk_free_security',
] as const;
const SOCKFS_MAGIC = 0x534f434b;
const NPROTO = 46;
const SOCK_MAX = 11;
const SOCK_TYPE_MASK = 0xf;
const SOMAXCONN = 4096;
/** sizeof(struct sockaddr_storage): what hooks may read behind the address. */
const STORAGE_BYTES = 128;

/** Sockets carry no data yet. */
const socketOps: FileOps = {
  mappable: false,
  read: () => -ENOTCONN,
  write: () => -EOPNOTSUPP,
};

/** The sockets of one kernel (net/socket.c). */
export class Net {
  readonly #vfs: Vfs;
  readonly #hooks;
  readonly #mount: Mount;
  readonly #inet: Inet;
  /** All open sockets, for leak checks. */
  live = 0;

  constructor(vfs: Vfs) {
    this.#vfs = vfs;
    this.#hooks = hookPoints(vfs.core.lsm, HOOKS);
    this.#inet = new Inet(vfs.core, vfs.tasks);
    const sb = vfs.superBlock('sockfs', SOCKFS_MAGIC);
    const root = vfs.dentries.make(sb, undefined, '/');
    const inode = vfs.inodes.make(sb, { mode: S.IFDIR | 0o600, uid: 0, gid: 0, ops: socketOps });
    if (inode === undefined) throw new Error('an LSM refused the root of sockfs');
    vfs.dentries.instantiate(root, inode);
    sb.setRoot(root);
    this.#mount = vfs.mount(root, 'sockfs', 0);
  }

  /** socket(2). @returns the descriptor or a negative errno. */
  socket(task: Task, family: number, typeAndFlags: number, protocol: number): number {
    const type = typeAndFlags & SOCK_TYPE_MASK;
    const flags = typeAndFlags & ~SOCK_TYPE_MASK;
    if ((flags & ~(SOCK.CLOEXEC | SOCK.NONBLOCK)) !== 0) return -EINVAL;
    if (family < 0 || family >= NPROTO) return -EAFNOSUPPORT;
    if (type >= SOCK_MAX) return -EINVAL;
    let error = this.#hooks.socket_create.call(family, type, protocol, 0);
    if (error < 0) return error;
    const file = this.#create(family, type, protocol, flags);
    if (typeof file === 'number') return file;
    const fd = task.files.install(file, (flags & SOCK.CLOEXEC) !== 0);
    if (fd < 0) file.put();
    return fd;
  }

  #create(family: number, type: number, protocol: number, flags: number): File | number {
    const vfs = this.#vfs;
    const { fsuid, fsgid } = vfs.cred;
    const inode = vfs.inodes.make(this.#mount.root.sb, {
      mode: S.IFSOCK | 0o777,
      uid: fsuid,
      gid: fsgid,
      ops: socketOps,
    });
    if (inode === undefined) return -ENFILE;
    const socket = this.#protocolSocket(family, type, protocol);
    if (typeof socket === 'number') {
      inode.put();
      return socket;
    }
    const refused = this.#hooks.socket_post_create.call(socket.addr, family, type, protocol, 0);
    const dentry = vfs.dentries.make(this.#mount.root.sb, undefined, '');
    dentry.dname = () => `socket:[${inode.s.i_ino}]`;
    if (refused >= 0) vfs.hooks.d_instantiate.call(dentry.addr, inode.addr);
    vfs.dentries.instantiate(dentry, inode);
    const access = O.RDWR | (flags & SOCK.NONBLOCK);
    const file = refused < 0 ? refused : vfs.files.alloc(access, vfs.cred);
    if (typeof file === 'number') {
      this.#release(socket);
      dentry.put();
      return file;
    }
    vfs.files.setPath(file, { mnt: this.#mount, dentry });
    dentry.put();
    file.s.f_mode |= FMODE.OPENED | FMODE.CAN_READ | FMODE.CAN_WRITE;
    file.s.private_data = socket.addr;
    file.object = socket;
    file.onRelease = () => this.#release(socket);
    socket.setFile(file);
    return file;
  }

  /** inet_create(), inet6_create(). */
  #protocolSocket(family: number, type: number, protocol: number): Socket | number {
    if (family !== AF.INET && family !== AF.INET6) return -EAFNOSUPPORT;
    if (protocol < 0 || protocol >= 256) return -EINVAL;
    if (type !== SOCK.STREAM && type !== SOCK.DGRAM) return -ESOCKTNOSUPPORT;
    const own = type === SOCK.STREAM ? IPPROTO.TCP : IPPROTO.UDP;
    if (protocol !== 0 && protocol !== own) return -EPROTONOSUPPORT;
    return this.#allocate(family, type, own);
  }

  #allocate(family: number, type: number, protocol: number): Socket | number {
    const { core, tasks } = this.#vfs;
    const v6 = family === AF.INET6;
    const struct = `${protocol === IPPROTO.TCP ? 'tcp' : 'udp'}${v6 ? '6' : ''}_sock`;
    const sk = core.structs.sock.at(core.mem.alloc(core.layouts.sizeOf(struct)));
    if (this.#hooks.sk_alloc_security.call(sk.addr, family, GFP_KERNEL) < 0) {
      core.mem.free(sk.addr);
      return -ENOBUFS;
    }
    const s = core.structs.socket.alloc();
    s.state = SS.UNCONNECTED;
    s.type = type;
    s.sk = sk.addr;
    sk.skc_family = family;
    sk.skc_state = TCP.CLOSE;
    sk.skc_net = tasks.namespaces.net;
    sk.sk_type = type;
    sk.sk_protocol = protocol;
    sk.sk_uid = this.#vfs.cred.fsuid;
    sk.sk_socket = s.addr;
    sk.sk_cgroup = tasks.current.cgroup.addr;
    const socket = new Socket(core, s, sk);
    if (v6) socket.inet.pinet6 = core.layouts.field(struct, 'inet6').at(sk.addr);
    this.live += 1;
    return socket;
  }

  /** inet_release(). */
  #release(socket: Socket): void {
    const { mem } = this.#vfs.core;
    this.#inet.unbind(socket);
    this.#hooks.sk_free_security.call(socket.sk.addr);
    this.live -= 1;
    mem.free(socket.sk.addr);
    mem.free(socket.addr);
  }

  /** The socket behind a descriptor, or -EBADF, -ENOTSOCK. */
  of(file: File | undefined): Socket | number {
    if (file === undefined) return -EBADF;
    return file.object instanceof Socket ? file.object : -ENOTSOCK;
  }

  /** bind(2). `address` are the bytes of a `struct sockaddr`. */
  bind(socket: Socket, address: Uint8Array): number {
    const refused = this.#withAddress(address, (at) =>
      this.#hooks.socket_bind.call(socket.addr, at, address.length),
    );
    return refused < 0 ? refused : this.#inet.bind(socket, address);
  }

  /** connect(2). */
  connect(socket: Socket, address: Uint8Array): number {
    const refused = this.#withAddress(address, (at) =>
      this.#hooks.socket_connect.call(socket.addr, at, address.length),
    );
    return refused < 0 ? refused : this.#inet.connect(socket, address);
  }

  /** listen(2). */
  listen(socket: Socket, requested: number): number {
    const backlog = requested >>> 0 > SOMAXCONN ? SOMAXCONN : requested;
    const refused = this.#hooks.socket_listen.call(socket.addr, backlog);
    return refused < 0 ? refused : this.#inet.listen(socket, backlog);
  }

  #withAddress(address: Uint8Array, call: (at: number) => number): number {
    const { mem } = this.#vfs.core;
    const at = mem.alloc(STORAGE_BYTES);
    mem.u8.set(address, at);
    const result = call(at);
    mem.free(at);
    return result;
  }
}
