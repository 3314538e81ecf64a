import type { Notification } from '../alerts/notification.ts';
import { incidentId } from './incident.ts';
import { openMessage } from './message.ts';
import { severityOf } from './severity.ts';
import { sentences } from './words.ts';

/** Milliseconds for which the database is away before that is an incident. */
export const outageFromMs = 10_000;

/** The message that the database does not answer: it is sent without the table of incidents. */
export function outageMessage(since: number, publicUrl: string | null): Notification {
  const kind = 'database_unreachable';
  const affected = [{ host: null, name: 'database', since }];
  const incident = {
    id: incidentId(kind),
    kind,
    severity: severityOf(kind, affected, new Map()),
    ...sentences[kind](),
    since,
    affected,
    hosts: 0,
    deckies: 0,
  } as const;
  return openMessage(incident, 'opened', { now: since, deckiesOf: new Map(), publicUrl });
}
