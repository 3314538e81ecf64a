import { manyContainers } from './fleet.ts';

/** The number of containers in one chunk: about 250 kB. */
const perChunk = 200;

/**
 * The elements of Docker's listing of `manyContainers`, as JSON separated by commas, without brackets.
 * Not one string: 200,000 containers are a quarter of a gigabyte.
 */
export function listingChunks(deckies: number, services: number): readonly Buffer[] {
  const chunks: Buffer[] = [];
  let batch: string[] = [];
  const flush = (): void => {
    if (batch.length > 0) chunks.push(Buffer.from(`${chunks.length === 0 ? '' : ','}${batch.join(',')}`));
    batch = [];
  };
  for (const container of manyContainers(deckies, services)) {
    batch.push(JSON.stringify(container));
    if (batch.length === perChunk) flush();
  }
  flush();
  return chunks;
}

/** Writes a body chunk by chunk, with back-pressure, and ends it. */
export function writeChunks(response: NodeJS.WritableStream, body: readonly Buffer[]): void {
  const next = body.values();
  const write = (): void => {
    for (const chunk of next) if (!response.write(chunk)) return void response.once('drain', write);
    response.end();
  };
  write();
}
