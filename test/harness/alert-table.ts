import {
  type AlertUpdate,
  alertUpdates,
  type DeckyAlert,
  pending,
  reasonUpdates,
} from '../../src/fleet/alerts/alert.ts';
import { settle } from '../../src/fleet/alerts/decide.ts';
import type { Notification } from '../../src/fleet/alerts/notification.ts';
import { settleAfterMs } from '../../src/fleet/alerts/settle.ts';
import type { Cause } from '../../src/fleet/plan/cause.ts';
import { noMemory } from '../../src/fleet/plan/memory.ts';
import type { FleetState } from '../../src/fleet/state.ts';
import { IncidentTable } from './incident-table.ts';

/** What a pass writes of a decky: the row takes this state. With the state that it has, only the reason is another one. */
export interface Step {
  /** Milliseconds. */
  readonly at: number;
  readonly name: string;
  /** Null: the row is deleted. */
  readonly to: FleetState | null;
  readonly reason?: string;
  readonly cause?: Cause | null;
}

export interface Sent extends Notification {
  /** Milliseconds. */
  readonly at: number;
}

/** `fleet_alarms` of one host as the statements keep it, in memory and on a clock of the test's. */
export class AlertTable {
  readonly alerts = new Map<string, DeckyAlert>();
  readonly #rows = new Map<string, FleetState>();
  readonly #ran = new Set<string>();

  step({ at, name, to, reason = 'x', cause = null }: Step): void {
    const from = this.#rows.get(name) ?? null;
    const because = { name, from, to, reason, cause };
    const change = {
      ...because,
      action: 'reason',
      lastError: reason,
      observed: true,
      content: null,
      changed: [],
      contentReason: null,
    } as const;
    const updates = from === to ? reasonUpdates([change]) : alertUpdates([because], noMemory);
    if (from === null || to === null) this.#ran.delete(name);
    for (const update of updates) this.update(update, at);
    if (to === 'running') this.#ran.add(name);
    if (to === null) this.#rows.delete(name);
    else this.#rows.set(name, to);
  }

  update({ kind, name, state, reason, cause, makes }: AlertUpdate, at: number): void {
    const alert = this.alerts.get(name);
    const ran = makes === 'alert' || this.#ran.has(name);
    if (alert === undefined) {
      if (makes === 'none' || (makes === 'if it ran' && !ran)) return;
      const subject = { kind: 'decky', name, state, notified: ran ? 'running' : pending, cause } as const;
      this.#put({ host: 'local', subject, reason, since: at, changedAt: at, unsettledAt: at, recent: [] });
    } else if (alert.subject.state === state) {
      // A change of content brings the reason again, without its cause.
      const kept = reason === alert.reason ? (cause ?? alert.subject.cause) : cause;
      this.#put({ ...alert, reason, subject: { ...alert.subject, cause: kept } });
    } else if (kind === 'state') {
      const { notified } = alert.subject;
      const isQuiet =
        [notified, pending].includes(alert.subject.state) && at - alert.changedAt >= settleAfterMs;
      const unsettledAt = Number.isNaN(alert.unsettledAt) || isQuiet ? at : alert.unsettledAt;
      const subject = { ...alert.subject, state, cause };
      this.#put({ ...alert, subject, reason, since: at, changedAt: at, unsettledAt });
    }
  }

  /** @param state null: the row is deleted */
  notified(name: string, state: string | null, clearsChanges: boolean, now: number): void {
    const alert = this.alerts.get(name);
    if (alert === undefined) return;
    if (state === null) this.alerts.delete(name);
    else
      this.#put({
        ...alert,
        subject: { ...alert.subject, notified: state },
        // As null in the table.
        unsettledAt: Number.NaN,
        recent: clearsChanges ? [] : [...alert.recent, now].slice(-4),
      });
  }

  #put(alert: DeckyAlert): void {
    this.alerts.set(alert.subject.name, alert);
  }

  readonly incidents = new IncidentTable();

  /** What the notifier sends now. */
  look(now: number, deckies: number): readonly Notification[] {
    // As `coalesce` in the statement.
    const before = new Map(
      [...this.alerts].map(([name, one]) => [
        name,
        { ...one, unsettledAt: Number.isNaN(one.unsettledAt) ? one.changedAt : one.unsettledAt },
      ]),
    );
    for (const { subject, clearsChanges } of settle(now, [...before.values()])) {
      if (subject.kind === 'host') throw new Error('there is no alert of the host');
      this.notified(subject.name, subject.notified, clearsChanges, now);
    }
    return this.incidents.look(now, {
      before: [...before.values()],
      after: [...this.alerts.values()],
      deckies,
    });
  }
}

/** Plays the steps, with a look every second, and for as long after the last of them as anything may wait. */
export function play(
  steps: readonly Step[],
  { deckies = 10, quietMs = 400_000, table = new AlertTable() } = {},
): readonly Sent[] {
  const sorted = steps.toSorted((a, b) => a.at - b.at);
  const sent: Sent[] = [];
  let next = 0;
  for (let at = 0; at <= (sorted.at(-1)?.at ?? 0) + quietMs; at += 1000) {
    for (let step = sorted[next]; step !== undefined && step.at <= at; step = sorted[++next])
      table.step(step);
    for (const one of table.look(at, deckies)) sent.push(Object.assign({ at }, one));
  }
  return sent;
}
