import { isAscii } from 'node:buffer';
import { paced } from '../lib/slices.ts';
import { heldBytes } from './held-bytes.ts';
import { type EngineLimits, engineLimits, inWords } from './limits.ts';
import type { ListedContainer } from './listing.ts';

const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a];
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d];

/** A field or label that is used, with its last value as a cache: most containers have the same value as the one before. */
interface Used {
  readonly name: string;
  raw: string;
  value: unknown;
}

/** The id is parsed only when there is no name: the ids of a large host are many megabytes. */
const usedFields = ['Id', 'Names', 'Labels', 'State', 'Status', 'Created'];
const usedLabels = ['decnet.fleet.decky', 'decnet.fleet.service_name'];

/** The bytes that have arrived, as a string with one character for each byte: this is the fastest to search. */
interface Text {
  readonly latin1: string;
  /** Whether all characters have one byte in UTF-8. */
  readonly isAscii: boolean;
}

/** The remaining limits of all listings of one observation. */
export interface Budget {
  /** @throws Error when the limit is exceeded */
  takeBytes(bytes: number): void;
  /** @throws Error when the limit is exceeded */
  takeContainer(): void;
  /** The maximum size of one container in bytes. */
  readonly containerBytes: number;
}

export function budgetOf(
  limits: Pick<EngineLimits, 'listingBytes' | 'containers' | 'containerBytes'>,
): Budget {
  let [bytesLeft, containersLeft] = [limits.listingBytes, limits.containers];
  const check = (): void => {
    if (bytesLeft >= 0 && containersLeft >= 0) return;
    // The same text for both limits: the reason must not change while the fault lasts.
    const [size, count] = [inWords(limits.listingBytes), limits.containers.toLocaleString('en')];
    throw new Error(`its list of containers is longer than ${size} or ${count} containers`);
  };
  return {
    takeBytes: (bytes) => {
      bytesLeft -= bytes;
      check();
    },
    takeContainer: () => {
      containersLeft -= 1;
      check();
    },
    containerBytes: limits.containerBytes,
  };
}

type Stage = 'before' | 'first' | 'element' | 'between' | 'after';

const noList = (): Error => new Error('its answer is not a list of containers');

/** The listing is incomplete. A lost connection also appears like this when the engine does not send the length of its answer. */
export class EndedEarly extends Error {
  constructor() {
    super('its list of containers ended too early');
  }
}

/**
 * Reads Docker's listing as it arrives, and only the used fields of each container. The whole listing of a large host may be
 * longer than a string can be, and parsing it in one piece would block the process for seconds.
 * @param of converts a container to the value to keep
 * @throws Error when the answer is not a listing or exceeds a limit; EndedEarly when it is incomplete
 */
export async function readListing<T>(
  chunks: AsyncIterable<Buffer>,
  of: (container: ListedContainer) => T,
  budget: Budget = budgetOf(engineLimits),
): Promise<readonly T[]> {
  const found: T[] = [];
  const readContainer = containerReader();
  const held = heldBytes();
  let stage = 'before' as Stage;
  /** Processes the bytes up to the first incomplete container. */
  const readOn = (): void => {
    const bytes = held.view();
    const text = { latin1: bytes.toString('latin1'), isAscii: isAscii(bytes) };
    let at = 0;
    for (; at < bytes.length; at++) {
      const code = text.latin1.charCodeAt(at);
      if (isBlank(code)) continue;
      if (stage === 'before' && code === openBracket) stage = 'first';
      else if ((stage === 'first' || stage === 'element') && code === openBrace) {
        const read = readContainer(text, at);
        const length = (read?.end ?? bytes.length) - at;
        if (length > budget.containerBytes)
          throw new Error(`it listed a container larger than ${inWords(budget.containerBytes)}`);
        if (read === null) break;
        budget.takeContainer();
        found.push(of(read.container));
        at = read.end;
        stage = 'between';
      } else if (stage === 'between' && code === comma) stage = 'element';
      else if ((stage === 'first' || stage === 'between') && code === closeBracket) stage = 'after';
      else throw noList();
    }
    held.drop(at);
  };
  const pause = paced();
  let enough = 1;
  for await (const chunk of chunks) {
    budget.takeBytes(chunk.length);
    await pause();
    held.add(chunk);
    if (held.length() < enough) continue;
    readOn();
    // An incomplete container is read again from its beginning, so wait until twice as many bytes have arrived.
    enough = 2 * held.length();
  }
  readOn();
  if (stage !== 'after') throw new EndedEarly();
  return found;
}

const isBlank = (code: number): boolean => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;

/**
 * Reads one object of the list.
 * @param from the position of its opening brace
 * @returns the container and the position of its end; null: it is incomplete
 */
function containerReader(): (text: Text, from: number) => { container: ListedContainer; end: number } | null {
  const fields = usedFields.map(unread);
  const labelNames = usedLabels.map(unread);

  return (text, from) => {
    const { latin1 } = text;
    const container: Record<string, unknown> = {};
    const labels: Record<string, unknown> = {};
    let depth = 0;
    let field: Used | null = null;
    let label: Used | null = null;
    let isKey = true;
    let valueFrom = 0;
    let id: [from: number, to: number] | null = null;
    for (let at = from; at < latin1.length; at++) {
      const code = latin1.charCodeAt(at);
      if (code === quote) {
        const end = endOfString(latin1, at);
        if (end === null) return null;
        if (depth === 1 && isKey) field = usedAt(fields, latin1, at + 1, end);
        else if (depth === 2 && field?.name === 'Labels') {
          if (isKey) label = usedAt(labelNames, latin1, at + 1, end);
          else if (label !== null) labels[label.name] = valueAt(label, text, at, end + 1);
        }
        at = end;
      } else if (code === openBrace || code === openBracket) {
        if (depth === 1 && code === openBrace && field?.name === 'Labels') container.Labels = labels;
        depth += 1;
        isKey = true;
      } else if (code === colon) {
        isKey = false;
        if (depth === 1) valueFrom = at + 1;
      } else if (code === comma || code === closeBrace || code === closeBracket) {
        if (depth === 1 && field !== null) {
          if (field.name === 'Id') id = [valueFrom, at];
          else if (container[field.name] !== labels)
            container[field.name] = valueAt(field, text, valueFrom, at);
          field = null;
        }
        isKey = true;
        if (code === comma) continue;
        depth -= 1;
        if (depth > 0) continue;
        if (!isNamed(container.Names) && id !== null) container.Names = [valueAt(unread('Id'), text, ...id)];
        if (!isNamed(container.Names)) throw new Error('it listed a container without a name');
        return { container: container as unknown as ListedContainer, end: at };
      }
    }
    return null;
  };
}

const isNamed = (names: unknown): boolean => Array.isArray(names) && typeof names[0] === 'string';

const unread = (name: string): Used => ({ name, raw: '', value: undefined });

/** The used field or label with this name; null: it is not used. */
function usedAt(used: readonly Used[], latin1: string, from: number, to: number): Used | null {
  for (const one of used) if (one.name.length === to - from && latin1.startsWith(one.name, from)) return one;
  return null;
}

/** @throws Error when it is not valid JSON; unlike SyntaxError, the message does not quote the engine's text */
function valueAt(used: Used, { latin1, isAscii }: Text, from: number, to: number): unknown {
  if (used.raw.length === to - from && latin1.startsWith(used.raw, from)) return used.value;
  const raw = latin1.slice(from, to);
  try {
    used.value = JSON.parse(isAscii ? raw : Buffer.from(raw, 'latin1').toString('utf8'));
  } catch {
    throw noList();
  }
  used.raw = raw;
  return used.value;
}

/**
 * Finds the end of a string in a JSON text.
 * @param at the position of the opening quote
 * @returns the position of the closing quote; null: the string is incomplete
 */
function endOfString(text: string, at: number): number | null {
  for (let end = text.indexOf('"', at + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === backslash) escapes += 1;
    if (escapes % 2 === 0) return end;
  }
  return null;
}
