import { lstatSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;
const S_IFLNK = 0o120000;

/**
 * An initramfs in the kernel's "newc" format (Documentation/driver-api/early-userspace/buffer-format.rst).
 * Directories are 0755 so that an unprivileged uid in the guest can enter them.
 */
export class Cpio {
  readonly #chunks: Buffer[] = [];
  readonly #directories = new Set<string>();
  #inode = 1;

  file(path: string, content: Uint8Array | string, mode = 0o644): void {
    this.#parents(path);
    this.#entry(path, S_IFREG | mode, Buffer.from(content));
  }

  directory(path: string): void {
    const name = path.replace(/^\//, '');
    if (name === '' || this.#directories.has(name)) return;
    this.#parents(name);
    this.#directories.add(name);
    this.#entry(name, S_IFDIR | 0o755, Buffer.alloc(0));
  }

  symlink(path: string, target: string): void {
    this.#parents(path);
    this.#entry(path, S_IFLNK | 0o777, Buffer.from(target));
  }

  /** A copy of a file or a whole tree of the host, at `path` in the image. */
  copy(host: string, path: string, wanted: (host: string) => boolean = () => true): void {
    const stat = lstatSync(host);
    if (stat.isSymbolicLink()) this.symlink(path, readlinkSync(host));
    else if (stat.isFile()) this.file(path, readFileSync(host), stat.mode & 0o777);
    else if (stat.isDirectory()) {
      this.directory(path);
      for (const name of readdirSync(host))
        if (wanted(join(host, name))) this.copy(join(host, name), join(path, name), wanted);
    }
  }

  end(): Buffer {
    this.#entry('TRAILER!!!', 0, Buffer.alloc(0));
    return Buffer.concat(this.#chunks);
  }

  #parents(path: string): void {
    const parts = path.replace(/^\//, '').split('/').slice(0, -1);
    if (parts.length > 0) this.directory(parts.join('/'));
  }

  #entry(path: string, mode: number, data: Buffer): void {
    const name = Buffer.from(`${path.replace(/^\//, '')}\0`);
    const fields = [this.#inode++, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, name.length, 0];
    const header = `070701${fields.map((n) => n.toString(16).padStart(8, '0')).join('')}`;
    this.#chunks.push(
      Buffer.from(header),
      name,
      padding(header.length + name.length),
      data,
      padding(data.length),
    );
  }
}

const padding = (length: number): Buffer => Buffer.alloc((4 - (length % 4)) % 4);
