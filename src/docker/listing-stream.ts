import type { ListedContainer } from './listing.ts';

const quote = 0x22;
const backslash = 0x5c;
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d];
const [comma, colon] = [0x2c, 0x3a];

const wanted = (['Id', 'Names', 'Labels', 'State', 'Status', 'Created'] as const).map((name) => ({
  name,
  bytes: Buffer.from(name),
}));

/**
 * Reads Docker's listing as it arrives, and of each container only what is used: the whole text of a large host would
 * be longer than a string may be, and parsing it in one piece would stop the process for seconds.
 * @throws Error what arrived is no listing, or it ended too early: half of one must never be taken for all of it
 */
export async function readListing(chunks: AsyncIterable<Buffer>): Promise<readonly ListedContainer[]> {
  const found: ListedContainer[] = [];
  let rest: Buffer = Buffer.alloc(0);
  let stage: 'before' | 'first' | 'element' | 'between' | 'after' = 'before';
  for await (const chunk of chunks) {
    const text = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    for (; at < text.length; at++) {
      const byte = text[at] ?? 0;
      if (isBlank(byte)) continue;
      if (stage === 'before' && byte === openBracket) stage = 'first';
      else if ((stage === 'first' || stage === 'element') && byte === openBrace) {
        const end = readContainer(text, at, found);
        if (end === null) break;
        at = end;
        stage = 'between';
      } else if (stage === 'between' && byte === comma) stage = 'element';
      else if ((stage === 'first' || stage === 'between') && byte === closeBracket) stage = 'after';
      else throw new Error('what it answered is no list of containers');
    }
    rest = text.subarray(at);
  }
  if (stage !== 'after') throw new Error('its list of containers ended too early');
  return found;
}

const isBlank = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/**
 * One object of the list.
 * @param from where its brace stands
 * @returns where it ends; null: it is not all there yet
 */
function readContainer(text: Buffer, from: number, found: ListedContainer[]): number | null {
  const container: Record<string, unknown> = {};
  let depth = 0;
  let key: string | null = null;
  let isKey = true;
  let valueFrom = 0;
  const take = (to: number): void => {
    if (key !== null) container[key] = JSON.parse(text.toString('utf8', valueFrom, to));
    key = null;
  };
  for (let at = from; at < text.length; at++) {
    const byte = text[at];
    if (byte === quote) {
      const end = endOfString(text, at);
      if (end === null) return null;
      if (depth === 1 && isKey) key = keyOf(text, at + 1, end);
      at = end;
    } else if (byte === openBrace || byte === openBracket) depth += 1;
    else if (byte === closeBrace || byte === closeBracket) {
      depth -= 1;
      if (depth > 0) continue;
      take(at);
      if (typeof container.Id !== 'string') throw new Error('it listed a container without an id');
      found.push(container as unknown as ListedContainer);
      return at;
    } else if (depth !== 1) continue;
    else if (byte === colon) {
      isKey = false;
      valueFrom = at + 1;
    } else if (byte === comma) {
      take(at);
      isKey = true;
    }
  }
  return null;
}

/** @param at its first quote @returns its last one; null: it is not there yet */
function endOfString(text: Buffer, at: number): number | null {
  for (let end = text.indexOf(quote, at + 1); end !== -1; end = text.indexOf(quote, end + 1)) {
    let escapes = 0;
    while (text[end - 1 - escapes] === backslash) escapes += 1;
    if (escapes % 2 === 0) return end;
  }
  return null;
}

/** The name of a field that is used; null: of another one. */
function keyOf(text: Buffer, from: number, to: number): string | null {
  for (const { name, bytes } of wanted)
    if (bytes.length === to - from && bytes.compare(text, from, to) === 0) return name;
  return null;
}
