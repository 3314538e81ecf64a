/** Bytes that have arrived and are not processed yet, in one buffer: one Buffer for each tiny chunk would use far more memory. */
export interface HeldBytes {
  /** The number of bytes. */
  length(): number;
  add(chunk: Uint8Array): void;
  /** All bytes; valid until the next call of another method. */
  view(): Buffer;
  /** Removes bytes at the beginning. @param count the number of bytes */
  drop(count: number): void;
}

/** @param atFirst the initial capacity in bytes; the default is usually two chunks of a socket */
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
