import type { Cause } from '../plan/cause.ts';
import type { ReasonFacts } from './notification.ts';

/** What all of them have; null: they differ. */
export function shared<T, V>(all: readonly T[], of: (one: T) => V): V | null {
  const [first, ...more] = new Set(all.map(of));
  return first === undefined || more.length > 0 ? null : first;
}

/** What a message says about why these deckies are as they are. */
export const sharedReason = (
  deckies: readonly { readonly reason: string | null; readonly cause: Cause | null }[],
): ReasonFacts => ({
  reason: shared(deckies, ({ reason }) => reason),
  service: shared(deckies, ({ cause }) => cause?.service ?? null),
  exitCode: shared(deckies, ({ cause }) => cause?.exitCode ?? null),
  endedBy: shared(deckies, ({ cause }) => cause?.endedBy ?? null),
  deployment: deckies[0]?.cause?.deployment ?? null,
});
