/** `struct epoll_event` on x86-64: 32 bits of events, 64 of data that here hold a descriptor; not aligned. */
export const EPOLL_EVENT_SIZE = 12;
export const EPOLLIN = 1;

export function writeEvent(events: number, fd: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(EPOLL_EVENT_SIZE));
  view.setUint32(0, events, true);
  view.setUint32(4, fd, true);
  return new Uint8Array(view.buffer);
}

/** Descriptors of the first `count` events. */
export function readEvents(bytes: Uint8Array, count: number): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return Array.from({ length: count }, (_, i) => view.getUint32(i * EPOLL_EVENT_SIZE + 4, true));
}
