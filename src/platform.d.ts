// What the rooms that run anywhere (browser, Node, worker) may take from their platform, and no more.
// tsconfig.pure.json compiles them with this file alone, so that a Node or DOM name is a compile error.

declare function setTimeout(callback: () => void, milliseconds: number): number;
declare function clearTimeout(timer: number | undefined): void;

declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean });
  decode(input?: ArrayBufferView): string;
}

declare class TextEncoder {
  encode(input?: string): Uint8Array<ArrayBuffer>;
}
