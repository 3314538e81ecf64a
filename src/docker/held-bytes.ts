/** What has arrived and is not read yet, in one piece: a Buffer for each chunk of a byte would cost a hundred times it. */
export interface HeldBytes {
  /** Bytes that are held. */
  length(): number;
  add(chunk: Uint8Array): void;
  /** All of it, until the next call of another. */
  view(): Buffer;
  /** Forgets the first of them. @param count bytes */
  drop(count: number): void;
}

/** @param atFirst bytes that there is room for: usually two chunks of a socket */
export function heldBytes(atFirst = 128 * 1024): HeldBytes {
  let store = Buffer.alloc(0);
  let length = 0;
  return {
    length: () => length,
    add: (chunk) => {
      if (length + chunk.length > store.length) {
        const larger = Buffer.allocUnsafeSlow(Math.max(atFirst, 2 * store.length, length + chunk.length));
        store.copy(larger, 0, 0, length);
        store = larger;
      }
      store.set(chunk, length);
      length += chunk.length;
    },
    view: () => store.subarray(0, length),
    drop: (count) => {
      store.copyWithin(0, count, length);
      length -= count;
    },
  };
}
