import { exitCodeInShort } from './explain/exit-codes.ts';
import { reasonKinds } from './explain/reasons.ts';
import type { EndedBy } from './plan/cause.ts';

/** For a host that is only known from rows of another program or from the configuration. */
export const unseen = 'no worker has ever monitored this host';

/** What a host is shown as whose worker stopped on request. @param by who asked; null: the message did not say */
export const stoppedBy = (by: string | null): string =>
  by === null ? 'stopped on request' : `stopped by ${by}`;

/** How the worker of such a host is started again. */
export const startAgain = 'run `decnet-fleet worker` on that host, or restart `decnet-fleet up`';

const deckies = (count: number): string =>
  `${count.toLocaleString('en')} ${count === 1 ? 'decky' : 'deckies'}`;
export const countOf = (count: number, one: 'decky' | string): string =>
  one === 'decky' ? deckies(count) : `${count.toLocaleString('en')} ${one}${count === 1 ? '' : 's'}`;

/**
 * Adds the meaning of a known exit code, unless the reason explains it, and of known phrases: `ssh: exited, code 137 (killed)`.
 */
export function withMeaning(reason: string): string {
  return reasonKinds.reduce(
    (text, { phrase, short }) =>
      short === undefined ? text : text.replace(phrase, (found) => `${found} (${short})`),
    withExitCodes(reason),
  );
}

/** Adds only the meaning of known exit codes. */
export const withExitCodes = (reason: string): string =>
  reason.replace(/\bcode (\d+)\b(?! \()/g, (text, code: string) => {
    const meaning = exitCodeInShort(Number(code));
    return meaning === null ? text : `${text} (${meaning})`;
  });

/** How DECNET's own table of a host is, and the time of which an age follows, if any. @param now epoch milliseconds */
export function decnetTableWords(
  it: {
    readonly synced_at: string | null;
    readonly failing_since: string | null;
    readonly reason: string | null;
  },
  now: number,
): { readonly text: string; readonly ago: string | null } {
  if (it.failing_since !== null) {
    const isToday = it.failing_since.slice(0, 10) === new Date(now).toISOString().slice(0, 10);
    const since = it.failing_since.slice(isToday ? 11 : 0, 19).replace('T', ' ');
    return { text: `DECNET's table: cannot be written since ${since}: ${it.reason ?? 'unknown'}`, ago: null };
  }
  return it.synced_at === null
    ? { text: "DECNET's table: not written yet", ago: null }
    : { text: "DECNET's table: in sync,", ago: it.synced_at };
}

/** What people read about a program that changes DECNET's table back. */
export const rivalText = (rival: string): string =>
  `Another program changes DECNET's table back: ${rival}. If it is DECNET's own reconciler, switch it off: docs/decnet-host.md`;

/** What the two kinds of undeclared deckies are called, and what they are. */
export const undeclaredWords = {
  running: {
    title: 'Undeclared',
    one: 'undeclared decky',
    many: 'undeclared deckies',
    meaning: 'Their containers run, although neither the file nor the table has them.',
  },
  leftover: {
    title: 'Leftovers',
    one: 'leftover',
    many: 'leftovers',
    meaning:
      'Undeclared, and nobody reaches a service: it is cut off from its network, or the base container is alone.',
  },
} as const;

/** How many undeclared deckies of each kind, in words: `2 undeclared deckies`, `1 leftover`. */
export const undeclaredCounts = (
  found: readonly { readonly kind: keyof typeof undeclaredWords }[],
): readonly string[] =>
  (['running', 'leftover'] as const).flatMap((kind) => {
    const count = found.filter((one) => one.kind === kind).length;
    return count === 0
      ? []
      : [`${count.toLocaleString('en')} ${undeclaredWords[kind][count === 1 ? 'one' : 'many']}`];
  });

const ends: Readonly<Record<EndedBy, string>> = {
  request: 'stopped on request',
  memory: 'ran out of memory',
  engine: 'Docker was stopped or restarted',
};

/**
 * Adds who ended a container to a reason: `ssh: exited, code 137 (stopped on request); http: no container`. It is known of the
 * first fault that the reason names.
 */
export function withEnd(reason: string, endedBy: EndedBy): string {
  const words = ends[endedBy];
  return reason.includes(words) ? reason : reason.replace(/(?=;|$)/, () => ` (${words})`);
}
