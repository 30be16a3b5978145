import { gunzipSync } from 'node:zlib';
import { FormatError } from '../abi/index.ts';
import { decompressLz4 } from './unpack/lz4.ts';
import { decompressXz } from './unpack/xz.ts';
import { decompressZstd } from './unpack/zstd.ts';

/** Fields of the x86 setup header that lead to the payload (Documentation/arch/x86/boot.rst). Little-endian. */
const SETUP_SECTS = 0x1f1;
const BOOT_FLAG = 0x1fe;
const HEADER_MAGIC = 0x202;
const PROTOCOL = 0x206;
const KERNEL_VERSION = 0x20e;
const PAYLOAD_OFFSET = 0x248;
const PAYLOAD_LENGTH = 0x24c;
const HEADER_END = 0x250;
const SECTOR = 512;
/** The first protocol version with payload fields (Linux 2.6.26). */
const PROTOCOL_WITH_PAYLOAD = 0x208;

/** No kernel comes near; a damaged size must not make us ask for gigabytes. */
const MAX_UNPACKED = 0x1800_0000;

interface Compression {
  readonly name: string;
  readonly magic: readonly number[];
  /** Absent for what is recognised only to be refused by name. */
  readonly unpack?: (payload: Uint8Array, size: number) => Uint8Array;
}

const gunzip = (payload: Uint8Array, size: number): Uint8Array =>
  gunzipSync(payload, { maxOutputLength: Math.max(size, 1) });

/** In the order of `CONFIG_KERNEL_*`; the magics are those of lib/decompress.c. */
const COMPRESSIONS: readonly Compression[] = [
  { name: 'none', magic: [0x7f, 0x45, 0x4c, 0x46], unpack: (payload) => payload },
  { name: 'gzip', magic: [0x1f, 0x8b], unpack: gunzip },
  { name: 'bzip2', magic: [0x42, 0x5a, 0x68] },
  { name: 'lzma', magic: [0x5d, 0x00, 0x00] },
  { name: 'xz', magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], unpack: decompressXz },
  { name: 'lzo', magic: [0x89, 0x4c, 0x5a, 0x4f] },
  { name: 'lz4', magic: [0x02, 0x21, 0x4c, 0x18], unpack: decompressLz4 },
  { name: 'zstd', magic: [0x28, 0xb5, 0x2f, 0xfd], unpack: decompressZstd },
];

const hex = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** A bzImage says `HdrS` at 0x202, behind the boot sector's signature. */
export function isVmlinuz(bytes: Uint8Array): boolean {
  if (bytes.length < HEADER_END) return false;
  const view = viewOf(bytes);
  return view.getUint16(BOOT_FLAG, true) === 0xaa55 && view.getUint32(HEADER_MAGIC) === 0x48647253;
}

/** What a kernel calls itself: `uname -r` and `uname -v`. */
export interface Uname {
  readonly release: string | undefined;
  readonly version: string | undefined;
}

/** The header's version string is `RELEASE (BUILDER) VERSION`; members are undefined when it does not say them. */
export function vmlinuzUname(bytes: Uint8Array): Uname {
  const pointer = viewOf(bytes).getUint16(KERNEL_VERSION, true);
  if (pointer === 0) return { release: undefined, version: undefined };
  const text = bytes.subarray(pointer + SECTOR, pointer + SECTOR + 256);
  const [, release, version] =
    /^([\x21-\x7e]+)(?: \([^)\0]*\) (#[\x20-\x7e]*))?/.exec(
      new TextDecoder('latin1').decode(text),
    ) ?? [];
  return { release, version };
}

/** Where the compressed kernel lies in the image, as the setup header says. */
function payloadOf(bytes: Uint8Array, fail: (offset: number, rule: string) => never): Uint8Array {
  const view = viewOf(bytes);
  const protocol = view.getUint16(PROTOCOL, true);
  if (protocol < PROTOCOL_WITH_PAYLOAD)
    fail(PROTOCOL, `boot protocol 0x${protocol.toString(16)} tells no payload; 0x208 is needed`);
  const setup = (view.getUint8(SETUP_SECTS) || 4) + 1;
  const start = setup * SECTOR + view.getUint32(PAYLOAD_OFFSET, true);
  const length = view.getUint32(PAYLOAD_LENGTH, true);
  if (start + length > bytes.length)
    fail(PAYLOAD_OFFSET, `the payload ends at ${start + length}, past the file's ${bytes.length}`);
  if (length < 8) fail(PAYLOAD_LENGTH, `a payload of ${length} bytes holds no kernel`);
  return bytes.subarray(start, start + length);
}

/**
 * The ELF image inside a bzImage. The payload's last four bytes are its unpacked size: gzip's own trailer ends so, and
 * the kernel's build appends them to every other compression.
 * @throws {FormatError} for a damaged image, or a compression that is not read (bzip2, lzma, lzo).
 */
export function unpackVmlinuz(bytes: Uint8Array, file: string): Uint8Array {
  const fail = (offset: number, rule: string): never => {
    throw new FormatError({ file, format: 'vmlinuz', offset, rule });
  };
  const payload = payloadOf(bytes, fail);
  const at = payload.byteOffset - bytes.byteOffset;
  const found = COMPRESSIONS.find((c) => c.magic.every((byte, i) => payload[i] === byte));
  if (found === undefined)
    return fail(at, `no known compression starts with ${hex(payload.subarray(0, 6))}`);
  if (found.unpack === undefined)
    return fail(at, `the kernel is compressed with ${found.name}, which is not supported`);
  const end = payload.length - 4;
  const size = viewOf(payload).getUint32(end, true);
  if (found.name === 'none') return payload;
  if (size > MAX_UNPACKED)
    return fail(at + end, `an unpacked size of ${size} bytes is no kernel's`);
  try {
    return found.unpack(found.name === 'gzip' ? payload : payload.subarray(0, end), size);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return fail(at, `the ${found.name} payload is damaged: ${reason}`);
  }
}
