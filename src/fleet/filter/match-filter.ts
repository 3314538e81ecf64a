// The page's script uses this file, too: see src/web/assets.ts.

import { isLike } from '../../lib/pattern.ts';
import { type Filter, isWhole, type Term, type TextKey } from './term.ts';

/** A decky, or a change of one, that a filter may choose. */
export interface Subject extends Readonly<Record<Exclude<TextKey, 'service'>, string | null>> {
  readonly services: readonly string[];
  /** Null: it has none, as a change that only changed the content. */
  readonly state: string | null;
  /** Of the last change of its state, epoch milliseconds; null: none is recorded. */
  readonly changedAt: number | null;
}

/** Whether a filter chooses it. @param now epoch milliseconds */
export const isMatch = (filter: Filter, subject: Subject, now: number): boolean =>
  filter.every((term) => holds(term, subject, now) !== term.isExcluded);

function holds(term: Term, subject: Subject, now: number): boolean {
  if (term.kind === 'state') return term.states.some((state) => state === subject.state);
  if (term.kind === 'since')
    return subject.changedAt !== null && subject.changedAt >= now - term.seconds * 1000;
  return textsFor(term.key, subject).some((text) => term.patterns.some((one) => fits(term.key, one, text)));
}

function textsFor(key: TextKey | null, { services, host, decky, ip, reason }: Subject): readonly string[] {
  const texts = { host: [host], decky: [decky], ip: [ip], service: services, reason: [reason] };
  return (key === null ? Object.values(texts).flat() : texts[key]).filter((text) => text !== null);
}

const fits = (key: TextKey | null, pattern: string, text: string): boolean =>
  isLike((isWhole(key) ? pattern : `*${pattern}*`).toLowerCase(), text.toLowerCase());

/** Whether a filter chooses hosts only by their names; such a filter also chooses a host without deckies. */
export const isOfHosts = (filter: Filter): boolean =>
  filter.every((term) => term.kind === 'text' && (term.key === 'host' || term.key === null));

/** A host without deckies. */
export const hostAlone = (host: string): Subject => ({
  host,
  decky: null,
  ip: null,
  services: [],
  reason: null,
  state: null,
  changedAt: null,
});
