import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FastifyInstance } from 'fastify';

const compressed = promisify(gzip);

/** Shorter answers are sent as they are, in characters. */
const leastLength = 1024;
/** How many answers are remembered. After a change many readers get the same one at the same time. */
const remembered = 16;

/** Compresses answers of text for clients that accept it, and equal answers once. Streams are sent as they are. */
export function compressAnswers(app: FastifyInstance): void {
  const answers = new Map<string, Promise<Buffer>>();
  const once = (body: string): Promise<Buffer> => {
    const known = answers.get(body);
    if (known !== undefined) return known;
    const [oldest] = answers.keys();
    if (answers.size >= remembered && oldest !== undefined) answers.delete(oldest);
    const made = compressed(body);
    answers.set(body, made);
    return made;
  };
  app.addHook('onSend', async (request, reply, body) => {
    if (typeof body !== 'string' || body.length < leastLength || reply.hasHeader('content-encoding'))
      return body;
    void reply.header('vary', 'accept-encoding');
    if (!acceptsGzip(request.headers['accept-encoding'])) return body;
    void reply.header('content-encoding', 'gzip').removeHeader('content-length');
    return once(body);
  });
}

/** @see RFC 9110, section 12.5.3 */
export function acceptsGzip(header: string | readonly string[] | undefined): boolean {
  const offers = String(header ?? '')
    .toLowerCase()
    .split(',')
    .map((offer) => offer.split(';').map((part) => part.trim()));
  const offer = offers.find(([name]) => name === 'gzip') ?? offers.find(([name]) => name === '*');
  return offer !== undefined && !offer.slice(1).some((part) => /^q=0(\.0*)?$/.test(part));
}
