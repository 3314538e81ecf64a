import { randomBytes } from 'node:crypto';
import xxhash from 'xxhash-wasm';

const { h64Raw } = await xxhash();
/** Different in each process, so that two containers with one hash cannot be constructed. */
const seed = randomBytes(8).readBigUInt64LE();

/**
 * The containers of a listing in its order, without their bytes: these are as large as the listing. A list for each property,
 * because an object for each container of a large host is many megabytes.
 */
interface Listing<E> {
  /** The first characters of the container's id as a number. */
  readonly ids: number[];
  /** In bytes. */
  readonly sizes: number[];
  /** Of its bytes. */
  readonly hashes: number[];
  readonly entries: E[];
}

const emptyListing = <E>(): Listing<E> => ({ ids: [], sizes: [], hashes: [], entries: [] });

/** A container begins with `{"Id":"`. */
const idAt = 7;
const idBytes = 6;
const headBytes = idAt + idBytes;
/** How many containers may be missing in a row; after more, the rest of the listing is parsed. */
const lookAhead = 16;
/** Larger ones are rare, and are parsed each time: the hash copies the bytes into a memory that never shrinks. */
const maxBytes = 256 * 1024;

/**
 * What was kept of the containers of the last listing, with a hash of their bytes. Of a large host, nearly all have the same
 * bytes in the next one: to hash these is far cheaper than to parse them again.
 */
export class KnownEntries<E> {
  #last = emptyListing<E>();

  /** Compares a listing with the last one, and remembers it instead if it is complete. */
  begin(): NextListing<E> {
    const last = this.#last;
    const current = emptyListing<E>();
    /** The location in the last listing that comes next if nothing has changed. */
    let expected = 0;
    const remember = (id: number, size: number, hash: number, entry: E): void => {
      current.ids.push(id);
      current.sizes.push(size);
      current.hashes.push(hash);
      current.entries.push(entry);
    };
    return {
      find: (bytes, from) => {
        if (from + headBytes > bytes.length) return null;
        const id = idOf(bytes, from);
        const until = Math.min(last.ids.length, expected + lookAhead);
        for (let location = expected; location < until; location++) {
          if (last.ids[location] !== id) continue;
          expected = location;
          const [size, entry] = [last.sizes[location] as number, last.entries[location] as E];
          const to = from + size;
          // It has not arrived completely, or it has changed.
          if (to > bytes.length) return null;
          const hash = hashOf(bytes, from, to);
          if (hash !== last.hashes[location]) return null;
          expected += 1;
          remember(id, size, hash, entry);
          return { entry, to };
        }
        return null;
      },
      keep: (bytes, from, to, entry) => {
        const size = to - from;
        if (size < headBytes || size > maxBytes) return;
        const id = idOf(bytes, from);
        if (last.ids[expected] === id) expected += 1;
        remember(id, size, hashOf(bytes, from, to), entry);
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
/** 53 bits of it, which a number can hold. */
const hashOf = (bytes: Buffer, from: number, to: number): number =>
  Number(BigInt.asUintN(53, h64Raw(bytes.subarray(from, to), seed)));
