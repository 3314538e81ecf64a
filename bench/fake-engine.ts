/**
 * Docker's API on a Unix socket, answered from memory, in a separate process: a listing of many deckies, an
 * inspection of each of their containers, and an event stream without events.
 * `node bench/fake-engine.ts SOCKET DECKIES SERVICES`
 */
import { createServer } from 'node:http';
import { inspection } from './fleet.ts';
import { listingChunks, writeChunks } from './listing.ts';

const [socket = '', deckies = '0', services = '3'] = process.argv.slice(2);
const body = [Buffer.from('['), ...listingChunks(Number(deckies), Number(services)), Buffer.from(']\n')];
const length = body.reduce((sum, chunk) => sum + chunk.length, 0);

// Keep connections open: one that ends while its client works for seconds breaks the client's next request.
createServer({ keepAliveTimeout: 0 }, (request, response) => {
  const inspected = /\/containers\/([0-9a-f]{64})\/json$/.exec(request.url ?? '')?.[1];
  if (inspected !== undefined) {
    response.writeHead(200, { 'content-type': 'application/json' });
    return void response.end(JSON.stringify(inspection(inspected, Number(services))));
  }
  if (request.url?.includes('/_ping')) return void response.end('OK');
  // There are no events; send the headers of the stream.
  if (request.url?.includes('/events')) return response.flushHeaders();
  if (!request.url?.includes('/containers/json'))
    return void response.writeHead(404).end('{"message":"not here"}');
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': length });
  writeChunks(response, body);
}).listen(socket, () => process.send?.({ length }));
