import { ERRNO } from '../../../abi/index.ts';
import type { Offset } from '../../mem/memory.ts';
import { BPF_EXIST, BPF_NOEXIST, type MapAttr, type MapEnv, type MapOps } from './ops.ts';

const { EINVAL, EEXIST, ENOENT, ENOSPC } = ERRNO;
/** `struct bpf_lpm_trie_key`: u32 prefix length in bits, then the data, most significant bit first. */
const DATA = 4;

interface Node {
  readonly prefix: number;
  readonly data: Uint8Array;
  /** Offset of the value; 0 in a node that only joins two others. */
  value: Offset;
  readonly children: [Node | undefined, Node | undefined];
}

const bitAt = (data: Uint8Array, bit: number): 0 | 1 =>
  (((data[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1) as 0 | 1;

function commonBits(a: Uint8Array, b: Uint8Array, limit: number): number {
  for (let i = 0; i * 8 < limit; i++) {
    const differ = (a[i] ?? 0) ^ (b[i] ?? 0);
    if (differ !== 0) return Math.min(limit, i * 8 + Math.clz32(differ) - 24);
  }
  return limit;
}

/** BPF_MAP_TYPE_LPM_TRIE: a path-compressed binary trie; a lookup gives the longest prefix of the key. */
export function lpmMap(env: MapEnv, attr: MapAttr): MapOps {
  const { mem } = env;
  const { valueSize, keySize } = attr;
  const maxPrefix = (keySize - DATA) * 8;
  const root: [Node | undefined] = [undefined];
  const all: Offset[] = [];
  const free: Offset[] = [];
  let count = 0;

  const prefixOf = (key: Offset): number => mem.view.getUint32(key, true);
  const dataOf = (key: Offset): Uint8Array => mem.u8.subarray(key + DATA, key + keySize);

  function newValue(): Offset {
    const old = free.pop();
    if (old !== undefined) return old;
    const made = mem.alloc(valueSize);
    all.push(made);
    return made;
  }

  /** The path from the root to the node of exactly this prefix, or as far as it goes. */
  function descend(prefix: number, data: Uint8Array): { path: Node[]; exact: Node | undefined } {
    const path: Node[] = [];
    let node = root[0];
    while (node !== undefined) {
      if (commonBits(node.data, data, Math.min(node.prefix, prefix)) < node.prefix) break;
      path.push(node);
      if (node.prefix === prefix) return { path, exact: node };
      node = node.children[bitAt(data, node.prefix)];
    }
    return { path, exact: undefined };
  }

  function link(parent: Node | undefined, node: Node | undefined, data: Uint8Array): void {
    if (parent === undefined) root[0] = node;
    else parent.children[bitAt(data, parent.prefix)] = node;
  }

  function insert(parent: Node | undefined, prefix: number, data: Uint8Array, value: Offset): void {
    const fresh: Node = { prefix, data: data.slice(), value, children: [undefined, undefined] };
    const below = parent === undefined ? root[0] : parent.children[bitAt(data, parent.prefix)];
    if (below === undefined) return link(parent, fresh, data);
    const common = commonBits(below.data, data, Math.min(below.prefix, prefix));
    if (common === prefix) {
      fresh.children[bitAt(below.data, prefix)] = below;
      return link(parent, fresh, data);
    }
    const join: Node = { ...fresh, prefix: common, value: 0, children: [undefined, undefined] };
    join.children[bitAt(data, common)] = fresh;
    join.children[bitAt(below.data, common)] = below;
    link(parent, join, data);
  }

  function put(key: Offset, flags: number, fill: (value: Offset) => void): number {
    if (flags > BPF_EXIST) return -EINVAL;
    const prefix = prefixOf(key);
    if (prefix > maxPrefix) return -EINVAL;
    const { path, exact } = descend(prefix, dataOf(key));
    const old = exact?.value ?? 0;
    if (old !== 0 && flags === BPF_NOEXIST) return -EEXIST;
    if (old === 0 && flags === BPF_EXIST) return -ENOENT;
    if (old === 0 && count >= attr.maxEntries) return -ENOSPC;
    const value = newValue();
    fill(value);
    if (exact !== undefined) exact.value = value;
    else insert(path.at(-1), prefix, dataOf(key), value);
    if (old === 0) count += 1;
    else free.push(old);
    return 0;
  }

  function find(key: Offset): Offset {
    const limit = prefixOf(key);
    if (limit > maxPrefix) return 0;
    const data = dataOf(key);
    let found = 0;
    let node = root[0];
    while (node !== undefined && node.prefix <= limit) {
      if (commonBits(node.data, data, node.prefix) < node.prefix) break;
      if (node.value !== 0) found = node.value;
      if (node.prefix === maxPrefix) break;
      node = node.children[bitAt(data, node.prefix)];
    }
    return found;
  }

  function remove(key: Offset): number {
    const prefix = prefixOf(key);
    if (prefix > maxPrefix) return -EINVAL;
    const { path, exact } = descend(prefix, dataOf(key));
    if (exact === undefined || exact.value === 0) return -ENOENT;
    free.push(exact.value);
    exact.value = 0;
    count -= 1;
    for (let depth = path.length - 1; depth >= 0; depth--) {
      const node = path[depth];
      if (node === undefined || node.value !== 0) break;
      const [left, right] = node.children;
      if (left !== undefined && right !== undefined) break;
      link(path[depth - 1], left ?? right, node.data);
    }
    return 0;
  }

  return {
    userValueSize: valueSize,
    lookup: find,
    update: (key, value, flags) =>
      put(key, flags, (at) => mem.u8.copyWithin(at, value, value + valueSize)),
    delete: remove,
    nextKey(key, next) {
      const found = nextNode(root[0], key === 0 ? undefined : descend(prefixOf(key), dataOf(key)));
      if (found === undefined) return -ENOENT;
      mem.view.setUint32(next, found.prefix, true);
      mem.u8.set(found.data, next + DATA);
      return 0;
    },
    read(key, into) {
      const value = find(key);
      if (value === 0) return -ENOENT;
      into.set(mem.u8.subarray(value, value + valueSize));
      return 0;
    },
    write: (key, from, flags) => put(key, flags, (at) => mem.u8.set(from, at)),
    free() {
      for (const value of all) mem.free(value);
    },
  };
}

/** Longer prefixes come before those that contain them (trie_get_next_key walks in postorder). */
function nextNode(
  root: Node | undefined,
  from: { path: readonly Node[]; exact: Node | undefined } | undefined,
): Node | undefined {
  const known = from?.exact !== undefined && from.exact.value !== 0 ? from : undefined;
  const above = known === undefined ? [] : known.path.slice(0, -1);
  let node = known === undefined ? deepest(root, above) : following(known.exact, above);
  while (node !== undefined && node.value === 0) node = following(node, above);
  return node;
}

function following(node: Node | undefined, above: Node[]): Node | undefined {
  const parent = above.at(-1);
  if (parent === undefined) return undefined;
  if (parent.children[0] === node && parent.children[1] !== undefined)
    return deepest(parent.children[1], above);
  return above.pop();
}

function deepest(node: Node | undefined, above: Node[]): Node | undefined {
  let at = node;
  while (at !== undefined) {
    const child = at.children[0] ?? at.children[1];
    if (child === undefined) return at;
    above.push(at);
    at = child;
  }
  return undefined;
}
