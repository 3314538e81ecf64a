import { type NotificationFacts, noReason } from './notification.ts';

/** What a message that tries a receiver is made of. @param now epoch milliseconds */
export const testFacts = (now: number): NotificationFacts => ({
  ...noReason,
  kind: 'test',
  host: '',
  names: [],
  state: null,
  previous: null,
  since: now,
  deckies: 0,
  incident: null,
});
