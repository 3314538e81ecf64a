/**
 * Docker's API on a Unix socket, answered from memory, in a process of its own: a listing of many deckies.
 * `node bench/fake-engine.ts SOCKET DECKIES SERVICES`
 */
import { createServer } from 'node:http';
import { manyContainers } from './fleet.ts';

const [socket = '', deckies = '0', services = '3'] = process.argv.slice(2);
// Not one string: 200,000 containers are a quarter of a gigabyte.
const chunks: Buffer[] = [];
let batch: string[] = [];
for (const container of manyContainers(Number(deckies), Number(services))) {
  batch.push(JSON.stringify(container));
  if (batch.length === 200) {
    chunks.push(Buffer.from(`${chunks.length === 0 ? '' : ','}${batch.join(',')}`));
    batch = [];
  }
}
if (batch.length > 0) chunks.push(Buffer.from(`${chunks.length === 0 ? '' : ','}${batch.join(',')}`));
const body = [Buffer.from('['), ...chunks, Buffer.from(']\n')];
const length = body.reduce((sum, chunk) => sum + chunk.length, 0);

createServer((request, response) => {
  if (!request.url?.includes('/containers/json'))
    return void response.writeHead(404).end('{"message":"not here"}');
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': length });
  const next = body.values();
  const write = (): void => {
    for (const chunk of next) if (!response.write(chunk)) return void response.once('drain', write);
    response.end();
  };
  write();
}).listen(socket, () => process.send?.({ length }));
