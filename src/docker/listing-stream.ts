import { isAscii } from 'node:buffer';
import { freeingChunks } from '../lib/heap.ts';
import { isObject, property } from '../lib/json.ts';
import { paced } from '../lib/slices.ts';
import { heldBytes } from './held-bytes.ts';
import type { KnownEntries } from './known-entries.ts';
import { type EngineLimits, engineLimits, inWords } from './limits.ts';
import { joinedNetwork, type ListedContainer, topologyLabels } from './listing.ts';

const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a];
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d];

/** A field or label that is used, with its last value as a cache: most containers have the same value as the one before. */
interface Used {
  readonly name: string;
  /** Whether it stands for all names that begin with it. */
  readonly isPrefix: boolean;
  /** Its last character: most other names have another character there, which is the cheapest to see. */
  readonly lastCode: number;
  raw: string;
  value: unknown;
}

/**
 * The id is parsed only if it is needed: of containers that others can join, and of those without a name. The ids of a large
 * host are many megabytes.
 */
const usedFields = ['Id', 'Names', 'Labels', 'HostConfig', 'State', 'Status', 'Created'];
/** The used members of the fields that are objects. */
const usedMembers: Readonly<Record<string, readonly string[]>> = {
  Labels: ['decnet.fleet.decky', 'decnet.fleet.service_name', 'com.docker.compose.project', topologyLabels],
  HostConfig: ['NetworkMode'],
};

/** Bytes that have arrived, as a string with one character for each byte: this is the fastest to search. */
interface Text {
  readonly latin1: string;
  /** Whether all characters have one byte in UTF-8. */
  readonly isAscii: boolean;
  /** The position of its first byte among those that have arrived. */
  readonly from: number;
}

function textOf(bytes: Buffer, from: number): Text {
  const rest = bytes.subarray(from);
  return { latin1: rest.toString('latin1'), isAscii: isAscii(rest), from };
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

/** What is kept of a container, and the position after it. */
interface Entry<E> {
  readonly entry: E;
  readonly to: number;
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
 * @param of what is kept of a container; it depends on nothing else
 * @param take receives each container in its order
 * @param known the entries of the last listing; this one replaces them if it is complete
 * @throws Error when the answer is not a listing or exceeds a limit; EndedEarly when it is incomplete
 */
export async function readListing<E>(
  chunks: AsyncIterable<Buffer>,
  of: (container: ListedContainer) => E,
  take: (entry: E) => void,
  budget: Budget = budgetOf(engineLimits),
  known: KnownEntries<E> | null = null,
): Promise<void> {
  const readContainer = containerReader();
  const held = heldBytes();
  const next = known?.begin();
  let stage = 'before' as Stage;
  /** Processes the bytes up to the first incomplete container. */
  const readOn = (): void => {
    const bytes = held.view();
    let text: Text | null = null;
    const parse = (from: number): Entry<E> | null => {
      text ??= textOf(bytes, from);
      const read = readContainer(text, from - text.from);
      const to = read === null ? bytes.length : text.from + read.to;
      if (to - from > budget.containerBytes)
        throw new Error(`it listed a container larger than ${inWords(budget.containerBytes)}`);
      if (read === null) return null;
      const entry = of(read.container);
      next?.keep(bytes, from, to, entry);
      return { entry, to };
    };
    let at = 0;
    while (at < bytes.length) {
      const code = bytes[at] as number;
      if ((stage === 'first' || stage === 'element') && code === openBrace) {
        const read = next?.find(bytes, at) ?? parse(at);
        if (read === null) break;
        budget.takeContainer();
        take(read.entry);
        at = read.to;
        stage = 'between';
        continue;
      }
      at += 1;
      if (isBlank(code)) continue;
      if (stage === 'before' && code === openBracket) stage = 'first';
      else if (stage === 'between' && code === comma) stage = 'element';
      else if ((stage === 'first' || stage === 'between') && code === closeBracket) stage = 'after';
      else throw noList();
    }
    held.drop(at);
  };
  const pause = paced();
  const received = freeingChunks();
  let enough = 1;
  for await (const chunk of chunks) {
    budget.takeBytes(chunk.length);
    received(chunk.length);
    await pause();
    held.add(chunk);
    if (held.length() < enough) continue;
    readOn();
    // An incomplete container is read again from its beginning, so wait until twice as many bytes have arrived.
    enough = 2 * held.length();
  }
  readOn();
  if (stage !== 'after') throw new EndedEarly();
  next?.settle();
}

const isBlank = (code: number): boolean => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;

/**
 * Reads one object of the list.
 * @param from the position of its opening brace
 * @returns the container and the position after it; null: it is incomplete
 */
function containerReader(): (text: Text, from: number) => { container: ListedContainer; to: number } | null {
  const fields = usedFields.map(unread);
  const membersOf = new Map(Object.entries(usedMembers).map(([field, names]) => [field, names.map(unread)]));

  return (text, from) => {
    const { latin1 } = text;
    const container: Record<string, unknown> = {};
    let depth = 0;
    let field: Used | null = null;
    /** The used members of the object that is being read, and what was found of them. */
    let members: readonly Used[] | null = null;
    let found: Record<string, unknown> = {};
    let member: Used | null = null;
    let isKey = true;
    let valueFrom = 0;
    let id: [from: number, to: number] | null = null;
    for (let at = from; at < latin1.length; at++) {
      const code = latin1.charCodeAt(at);
      if (code === quote) {
        const end = endOfString(latin1, at);
        if (end === null) return null;
        if (depth === 1 && isKey) field = usedAt(fields, latin1, at + 1, end);
        else if (depth === 2 && members !== null) {
          if (isKey) member = usedAt(members, latin1, at + 1, end);
          else if (member !== null) found[member.name] = valueAt(member, text, at, end + 1);
        }
        at = end;
      } else if (code === openBrace || code === openBracket) {
        if (depth === 1 && code === openBrace && field !== null) {
          members = membersOf.get(field.name) ?? null;
          if (members !== null) container[field.name] = found = {};
        }
        depth += 1;
        isKey = true;
      } else if (code === colon) {
        isKey = false;
        if (depth === 1) valueFrom = at + 1;
      } else if (code === comma || code === closeBrace || code === closeBracket) {
        if (depth === 1 && field !== null) {
          if (field.name === 'Id') id = [valueFrom, at];
          else if (members === null) container[field.name] = valueAt(field, text, valueFrom, at);
          field = members = null;
        }
        isKey = true;
        if (code === comma) continue;
        depth -= 1;
        if (depth > 0) continue;
        if (id !== null && !(isNamed(container.Names) && joinsAnother(container)))
          container.Id = valueAt(unread('Id'), text, ...id);
        if (!isNamed(container.Names)) container.Names = [container.Id];
        if (!isNamed(container.Names)) throw new Error('it listed a container without a name');
        return { container: container as unknown as ListedContainer, to: at + 1 };
      }
    }
    return null;
  };
}

/** Whether a container uses the network of another container, so that none can join its own. */
function joinsAnother({ HostConfig }: Record<string, unknown>): boolean {
  const mode = isObject(HostConfig) ? property(HostConfig, 'NetworkMode') : null;
  return typeof mode === 'string' && mode.startsWith(joinedNetwork);
}

const isNamed = (names: unknown): boolean => Array.isArray(names) && typeof names[0] === 'string';

const unread = (name: string): Used => ({
  name,
  isPrefix: name.endsWith('.'),
  lastCode: name.charCodeAt(name.length - 1),
  raw: '',
  value: undefined,
});

/** The used field or member with this name, or with one that begins so if it ends with a dot; null: it is not used. */
function usedAt(used: readonly Used[], latin1: string, from: number, to: number): Used | null {
  const length = to - from;
  for (let index = 0; index < used.length; index++) {
    const one = used[index] as Used;
    const { length: needed } = one.name;
    if (length !== needed && !(one.isPrefix && length > needed)) continue;
    if (latin1.charCodeAt(from + needed - 1) === one.lastCode && latin1.startsWith(one.name, from))
      return one;
  }
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
