import {
  type Alert,
  type DeckySubject,
  flapping,
  type HostSubject,
  isAboutDecky,
  isDown,
  removed,
} from './alert.ts';
import { type AlertOutcome, type DueAlert, outcomeOf } from './outcome.ts';
import { settled, settleWithinMs } from './settle.ts';

/** What the row of an alert takes once its state has settled. */
export interface NotifiedAlert {
  readonly host: string;
  readonly subject:
    | (Pick<DeckySubject, 'kind' | 'name'> & {
        /** Null: the row is deleted. */
        readonly notified: string | null;
      })
    | Pick<HostSubject, 'kind' | 'notified'>;
  /** Whether the changes that the row remembers are cleared; else this one is added. */
  readonly clearsChanges: boolean;
}

/**
 * Which states have settled: the incidents, and so the messages, are about these.
 * @param now of the database's clock, epoch milliseconds @param alerts all alerts of the hosts where any has changed
 */
export function settle(now: number, alerts: readonly Alert[]): readonly NotifiedAlert[] {
  const byHost = [...Map.groupBy(alerts, ({ host }) => host).values()].map((own) => {
    const changed = own
      .map((alert): DueAlert => ({ alert, outcome: outcomeOf(alert, now) }))
      .filter(({ outcome }) => outcome !== 'none');
    const ready = new Set(settled(changed, now));
    return { ready, others: changed.filter((one) => !ready.has(one)) };
  });
  const changing = new Set(byHost.flatMap(({ others }) => others.map(causeOf)));
  changing.delete(null);
  return byHost
    .flatMap(({ ready }) => [...ready])
    .filter((one) => !changing.has(causeOf(one)) || now - one.alert.unsettledAt >= settleWithinMs)
    .map(({ alert, outcome }) => notifiedAlert(alert, outcome));
}

/** What goes down at one moment for one reason on several hosts is sent in one message. */
function causeOf({ alert }: DueAlert): string | null {
  if (!isAboutDecky(alert) || !isDown(alert.subject.state) || alert.subject.cause === null) return null;
  const { service, state, exitCode, endedBy } = alert.subject.cause;
  return JSON.stringify([service, state, exitCode, endedBy]);
}

function notifiedAlert({ host, subject }: Alert, outcome: AlertOutcome): NotifiedAlert {
  // The changes that made it flapping would make it so again. What is not announced is no change.
  const clearsChanges = subject.notified === flapping || outcome === 'unannounced';
  if (subject.kind === 'host') {
    const notified = outcome === 'flapping' ? flapping : subject.faults;
    return { host, subject: { kind: 'host', notified }, clearsChanges };
  }
  const { name, state } = subject;
  const notified = outcome === 'flapping' ? flapping : state === removed ? null : state;
  return { host, subject: { kind: 'decky', name, notified }, clearsChanges };
}
