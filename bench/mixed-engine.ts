/**
 * Docker's API on a Unix socket, in a separate process: a proxy for a real engine that adds many deckies to its full listing.
 * Everything else is the real engine's answer, including its events, so its cost does not depend on the number of added
 * containers.
 * `node bench/mixed-engine.ts SOCKET REAL_SOCKET DECKIES SERVICES`; on any message it sends how many full listings it
 * has answered.
 */
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { listingChunks, writeChunks } from './listing.ts';

const [socket = '', real = '', deckies = '0', services = '3'] = process.argv.slice(2);
const many = listingChunks(Number(deckies), Number(services));
// A connection for each request would be a cost that a direct client does not have.
const agent = new Agent({ keepAlive: true });
let fullListings = 0;

/**
 * Adds deckies only without filters. Listings of some deckies have filters by name or label, and no added decky has the name
 * of a real one, so the real engine's answer to these is complete.
 */
function isFullListing(url: string): boolean {
  const { pathname, searchParams } = new URL(url, 'http://docker');
  return pathname.endsWith('/containers/json') && !searchParams.has('filters');
}

/** Forwards a request to the real engine. */
function passOn(from: IncomingMessage, answer: ServerResponse, take: (found: IncomingMessage) => void): void {
  const { method, url, headers } = from;
  const asked = request({ socketPath: real, agent, method, path: url, headers }, take);
  // Either side may close first: the event stream has no other end.
  asked.on('error', () => answer.destroy());
  answer.on('close', () => asked.destroy());
  from.pipe(asked);
}

function relay(answer: ServerResponse, found: IncomingMessage): void {
  answer.writeHead(found.statusCode ?? 502, found.headers);
  // The head of the events' stream comes long before its first event.
  answer.flushHeaders();
  found.on('error', () => answer.destroy());
  found.pipe(answer);
}

async function relayWithMany(answer: ServerResponse, found: IncomingMessage): Promise<void> {
  fullListings += 1;
  const listed = (await text(found)).trim().slice(1, -1);
  const comma = listed !== '' && many.length > 0 ? ',' : '';
  answer.writeHead(found.statusCode ?? 502, { 'content-type': 'application/json' });
  writeChunks(answer, [Buffer.from(`[${listed}${comma}`), ...many, Buffer.from(']\n')]);
}

createServer((from, answer) => {
  const isFull = isFullListing(from.url ?? '/');
  passOn(from, answer, (found) => {
    if (!isFull) relay(answer, found);
    else relayWithMany(answer, found).catch(() => answer.destroy());
  });
}).listen(socket, () => process.send?.('listens'));
process.on('message', () => process.send?.(fullListings));
process.on('disconnect', () => process.exit());
