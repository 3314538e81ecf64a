import type { KnownEntries } from '../../src/docker/known-entries.ts';
import type { ListedContainer } from '../../src/docker/listing.ts';
import { type Budget, readListing } from '../../src/docker/listing-stream.ts';

/** A text in pieces, cut at these locations, within characters too. */
export async function* pieces(text: string, cuts: readonly number[]): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  const locations = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort(
    (a, b) => a - b,
  );
  for (const [at, from] of locations.entries())
    if (at + 1 < locations.length) yield bytes.subarray(from, locations[at + 1]);
}

/** The containers of a listing. @param of what is kept of each */
export async function listingOf<E>(
  chunks: AsyncIterable<Buffer>,
  of: (container: ListedContainer) => E,
  budget?: Budget,
  known?: KnownEntries<E>,
): Promise<readonly E[]> {
  const found: E[] = [];
  await readListing(chunks, of, (entry) => found.push(entry), budget, known);
  return found;
}
