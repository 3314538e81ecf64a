/** A container of a listing: its bytes, and what was kept of it. */
interface Known<E> {
  readonly bytes: Buffer;
  readonly from: number;
  readonly to: number;
  readonly entry: E;
}

/** The first bytes of a container, which have its id: `{"Id":"` and 64 digits. */
const headBytes = 71;
const idAt = 7;
/** How many containers may be missing in a row; after more, the rest of the listing is parsed. */
const lookAhead = 16;
/** The listing of a host with some 50,000 containers. Of a longer one, the rest is not remembered. */
const mostBytes = 64 * 1024 * 1024;

/**
 * What was kept of the containers of the last listing, with their bytes. Of a large host, nearly all have the same bytes in the
 * next one: to compare these is far cheaper than to parse them again.
 */
export class KnownEntries<E> {
  /** In the order of the listing. */
  #last: readonly Known<E>[] = [];
  #store = byteStore();

  /** Compares a listing with the last one, and remembers it instead if it is complete. */
  begin(): NextListing<E> {
    const last = this.#last;
    const current: Known<E>[] = [];
    /** The place in the last listing that comes next if nothing has changed. */
    let expected = 0;
    let remembered = 0;
    const add = (known: Known<E>): void => {
      current.push(known);
      remembered += known.to - known.from;
    };
    return {
      find: (bytes, from) => {
        const until = Math.min(last.length, expected + lookAhead);
        for (let place = expected; place < until; place++) {
          const known = last[place] as Known<E>;
          if (!isOf(known, bytes, from)) continue;
          expected = place;
          const to = from + known.to - known.from;
          // Otherwise it has changed, or has not arrived completely.
          if (to > bytes.length || bytes.compare(known.bytes, known.from, known.to, from, to) !== 0)
            return null;
          expected += 1;
          add(known);
          return { entry: known.entry, to };
        }
        return null;
      },
      keep: (bytes, from, to, entry) => {
        const before = last[expected];
        if (before !== undefined && isOf(before, bytes, from)) expected += 1;
        const size = to - from;
        if (size < headBytes || size > bufferBytes || remembered + size > mostBytes) return;
        add({ ...this.#store.copy(bytes, from, to), entry });
      },
      settle: () => {
        const isSparse = this.#store.allocated() > 2 * remembered + 4 * bufferBytes;
        if (isSparse) this.#store = byteStore();
        this.#last = isSparse ? [] : current;
      },
    };
  }
}

export interface NextListing<E> {
  /** What was kept of the container that begins at `from`, if its bytes are those of the last listing. */
  find(bytes: Buffer, from: number): { readonly entry: E; readonly to: number } | null;
  /** Remembers a container that was parsed. */
  keep(bytes: Buffer, from: number, to: number, entry: E): void;
  /** Call this when the listing is complete. */
  settle(): void;
}

/** Whether the container that begins at `from` has the same id. */
const isOf = <E>(known: Known<E>, bytes: Buffer, from: number): boolean =>
  // One digit first: mostly another one, which is the cheapest to see.
  known.bytes[known.from + idAt] === bytes[from + idAt] &&
  from + headBytes <= bytes.length &&
  bytes.compare(known.bytes, known.from, known.from + headBytes, from, from + headBytes) === 0;

/** Many containers share one buffer. A buffer stays in memory for as long as one of them is remembered. */
const bufferBytes = 256 * 1024;

function byteStore() {
  let [buffer, used, allocated] = [Buffer.alloc(0), 0, 0];
  return {
    /** The sizes of all its buffers. */
    allocated: () => allocated,
    copy: (bytes: Buffer, from: number, to: number) => {
      const size = to - from;
      if (used + size > buffer.length) {
        buffer = Buffer.allocUnsafeSlow(bufferBytes);
        allocated += bufferBytes;
        used = 0;
      }
      bytes.copy(buffer, used, from, to);
      used += size;
      return { bytes: buffer, from: used - size, to: used };
    },
  };
}
