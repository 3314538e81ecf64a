/**
 * Docker's API on a Unix socket, answered from memory, in a separate process: a listing of many deckies, an
 * inspection of each of their containers, and an event stream without events.
 * `node bench/fake-engine.ts SOCKET DECKIES SERVICES`
 */
import { createServer } from 'node:http';
import { quietEngine } from '../test/harness/fake-engine.ts';
import { inspection } from './fleet.ts';
import { listingChunks, writeChunks } from './listing.ts';

const [socket = '', deckies = '0', services = '3'] = process.argv.slice(2);
const body = [Buffer.from('['), ...listingChunks(Number(deckies), Number(services)), Buffer.from(']\n')];
const length = body.reduce((sum, chunk) => sum + chunk.length, 0);

const answer = quietEngine({
  containers: Number(deckies) * (1 + Number(services)),
  list: (response) => {
    response.writeHead(200, { 'content-length': length });
    writeChunks(response, body);
  },
  inspect: (id) => inspection(id, Number(services)),
});
// A connection stays: one that ends while its client works for seconds breaks the client's next request.
createServer({ keepAliveTimeout: 0 }, answer).listen(socket, () => process.send?.({ length }));
