import { isObject, type Json, textsOf } from '../lib/json.ts';
import { withoutSecrets } from '../lib/mask.ts';
import { shortened } from '../lib/text.ts';

/** The last lines of the logs of containers that broke, by service. Attackers write them, so they are never passed on unchanged. */
export type LastLines = Readonly<Record<string, readonly string[]>>;

/** The last lines of a decky, in the state that they belong to. */
export interface DeckyLines {
  readonly name: string;
  readonly state: string;
  readonly lines: LastLines;
}

/** The name of a base container, which has no service. */
export const baseContainer = 'base container';

/** The largest value of `DECNET_NOTIFY_LOGS`. */
export const linesAtMost = 50;
/** Characters of a line, and those that are searched: a password may end behind what is kept. */
const lineAtMost = 200;
const readAtMost = 4000;
/** Bytes of all lines of a decky, or of a message. */
export const linesBytesAtMost = 4000;
/** Services of a message. */
const servicesAtMost = 5;

/** Terminal sequences: `ESC [ … m` and the like, `ESC ] … BEL`, and two-character ones. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is removed
const sequences = /\u001b\[[0-?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b[ -/]*[0-~]/g;
/** What ends a line, turns the direction of writing, is invisible, or is no character. */
const harmful = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** A line without passwords in addresses and without what a terminal or a reader's screen obeys. */
const harmless = (line: string): string => {
  const text = line.replace(sequences, '').slice(0, readAtMost).replace(/\t/g, ' ');
  return shortened(withoutSecrets(text).replace(harmful, '\ufffd').trimEnd(), lineAtMost);
};

const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

/** The newest lines that fit, without empty ones. @param atMostBytes of all of them */
export function keptLines(
  lines: readonly string[],
  atMost: number = linesAtMost,
  atMostBytes: number = linesBytesAtMost,
): readonly string[] {
  const kept: string[] = [];
  let left = atMostBytes;
  for (const line of lines
    .map(harmless)
    .filter((one) => one !== '')
    .slice(-Math.max(1, atMost))
    .reverse()) {
    left -= bytesOf(line);
    if (left < 0) break;
    kept.push(line);
  }
  return kept.reverse();
}

/** As `keptLines`, of several services together: each has the same share. */
export function keptLastLines(found: LastLines, atMostBytes: number = linesBytesAtMost): LastLines {
  const services = Object.entries(found).slice(0, servicesAtMost);
  const share = Math.floor(atMostBytes / Math.max(1, services.length));
  return Object.fromEntries(
    services
      .map(([service, lines]) => [service, keptLines(lines, linesAtMost, share)] as const)
      .filter(([service, lines]) => isServiceName(service) && lines.length > 0),
  );
}

/** What a row or a message holds. A worker that was taken over may have written any small object. */
export const lastLinesFromJson = (json: Json | undefined): LastLines =>
  isObject(json)
    ? keptLastLines(
        Object.fromEntries(
          Object.entries(json).map(([service, lines]) => [
            service,
            Array.isArray(lines) ? textsOf(lines) : [],
          ]),
        ),
      )
    : {};

const isServiceName = (text: string): boolean => /^[\w][\w .-]{0,127}$/.test(text);

/** The lines of several deckies, as one message has them: of each service those of the first decky that has any. */
export const joinedLines = (deckies: readonly LastLines[]): LastLines =>
  keptLastLines(Object.assign({}, ...deckies.toReversed()));
