import { randomBytes } from 'node:crypto';
import xxhash from 'xxhash-wasm';

const { h64Raw } = await xxhash();
/** Of its own in each process, so that nobody can make two containers with one hash. */
const seed = randomBytes(8).readBigUInt64LE();

/** A container of a listing, without its bytes: these are as large as the listing. */
interface Known<E> {
  /** The first characters of its id as a number. */
  readonly id: number;
  /** In bytes. */
  readonly size: number;
  /** Of its bytes. */
  readonly hash: bigint;
  readonly entry: E;
}

/** A container begins with `{"Id":"`. */
const idAt = 7;
const idBytes = 6;
const headBytes = idAt + idBytes;
/** How many containers may be missing in a row; after more, the rest of the listing is parsed. */
const lookAhead = 16;
/** Larger ones are rare, and are parsed each time: the hash copies the bytes into a memory that never shrinks. */
const mostBytes = 256 * 1024;

/**
 * What was kept of the containers of the last listing, with a hash of their bytes. Of a large host, nearly all have the same
 * bytes in the next one: to hash these is far cheaper than to parse them again.
 */
export class KnownEntries<E> {
  /** In the order of the listing. */
  #last: readonly Known<E>[] = [];

  /** Compares a listing with the last one, and remembers it instead if it is complete. */
  begin(): NextListing<E> {
    const last = this.#last;
    const current: Known<E>[] = [];
    /** The place in the last listing that comes next if nothing has changed. */
    let expected = 0;
    return {
      find: (bytes, from) => {
        if (from + headBytes > bytes.length) return null;
        const id = idOf(bytes, from);
        const until = Math.min(last.length, expected + lookAhead);
        for (let place = expected; place < until; place++) {
          const known = last[place] as Known<E>;
          if (known.id !== id) continue;
          expected = place;
          const to = from + known.size;
          // Otherwise it has changed, or has not arrived completely.
          if (to > bytes.length || hashOf(bytes, from, to) !== known.hash) return null;
          expected += 1;
          current.push(known);
          return { entry: known.entry, to };
        }
        return null;
      },
      keep: (bytes, from, to, entry) => {
        const size = to - from;
        if (size < headBytes || size > mostBytes) return;
        const id = idOf(bytes, from);
        if (last[expected]?.id === id) expected += 1;
        current.push({ id, size, hash: hashOf(bytes, from, to), entry });
      },
      settle: () => {
        this.#last = current;
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

const idOf = (bytes: Buffer, from: number): number => bytes.readUIntBE(from + idAt, idBytes);
const hashOf = (bytes: Buffer, from: number, to: number): bigint => h64Raw(bytes.subarray(from, to), seed);
