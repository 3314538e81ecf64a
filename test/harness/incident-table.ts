import { type Alert, flapping, isAboutDecky, isDown } from '../../src/fleet/alerts/alert.ts';
import type { SentMessages } from '../../src/fleet/alerts/limit.ts';
import type { Notification } from '../../src/fleet/alerts/notification.ts';
import type { DeckyFacts } from '../../src/fleet/incidents/decky-facts.ts';
import type { HostFacts } from '../../src/fleet/incidents/facts.ts';
import { type Ended, extentOf, namesOf, type StoredIncident } from '../../src/fleet/incidents/follow.ts';
import { judge, type OpenState } from '../../src/fleet/incidents/judge.ts';
import { clear, host as hostFacts } from './incidents.ts';

/** `fleet_incidents` as the statements keep it, in memory and on a clock of the test's. */
export class IncidentTable {
  stored: readonly StoredIncident[] = [];
  readonly #under = new Map<string, string>();
  readonly #notified = new Map<string, string>();
  /** When a host or a decky belonged to an incident for the first time. */
  readonly first = new Map<string, number>();
  sent: ReadonlyMap<string, SentMessages>;
  readonly #publicUrl: string | null;

  constructor(sent: ReadonlyMap<string, SentMessages> = new Map(), publicUrl: string | null = null) {
    this.sent = sent;
    this.#publicUrl = publicUrl;
  }

  /**
   * One check of the alerts.
   * @param alerts.before those before their states were noted as notified, and after it
   */
  look(
    now: number,
    { before, after, deckies }: { before: readonly Alert[]; after: readonly Alert[]; deckies: number },
  ): readonly Notification[] {
    const known = new Map(before.map((one) => [locationOf(one), one]));
    const broken = after.filter(isAboutDecky).flatMap((one): readonly DeckyFacts[] => {
      const { name, state, notified, cause } = one.subject;
      if (notified !== flapping && !isDown(notified)) return [];
      const location = locationOf(one);
      return [
        {
          ...{ host: one.host, name, cause, reason: one.reason, image: null, since: one.since },
          state: notified === flapping ? state : notified,
          previous: String(known.get(location)?.subject.notified),
          isFlapping: notified === flapping,
          rowState: state,
          under: this.#under.get(location) ?? null,
          isNotified: this.#notified.has(location),
        },
      ];
    });
    const names = new Set([...before, ...after].map(({ host }) => host));
    const hosts = [...names].map((name) =>
      hostOf(name, after, {
        deckies,
        under: this.#under.get(name) ?? null,
        isNotified: this.#notified.has(name),
      }),
    );
    const locations = new Set(after.map(locationOf));
    const faulty = new Set([
      ...broken.map(({ host, name }) => `${host} ${name}`),
      ...hosts
        .filter((one) => one.staleSince ?? one.unreachableSince ?? one.flappingSince)
        .map(({ host }) => host),
    ]);
    const ended = [...this.#under].flatMap(([location, under]): readonly Ended[] => {
      const [host = '', name = ''] = location.split(' ');
      return faulty.has(location)
        ? []
        : [{ host, name, under, how: locations.has(location) ? 'recovered' : 'removed' }];
    });
    const facts = { now, control: clear, hosts, deckies: broken, open: this.stored, stored: this.stored };
    const judgement = judge(
      { ...facts, unsentEnds: [], silences: [], silencedEnds: [], ended, sent: this.sent },
      { publicUrl: this.#publicUrl },
    );
    this.#keep(judgement, now);
    return judgement.notifications;
  }

  #keep({ opened, kept, evaluation, notified: ids }: ReturnType<typeof judge>, now: number): void {
    const openedAt = new Map(this.stored.map((one) => [one.id, one.openedAt]));
    this.stored = [...opened, ...kept].map(({ now: one, most, ever, notified, ...more }: OpenState) => ({
      ...one,
      ...more,
      ever,
      openedAt: openedAt.get(one.id) ?? now,
      extent: extentOf(one),
      most,
      notified,
      affected: namesOf(one.affected),
    }));
    this.#under.clear();
    for (const [host, id] of evaluation.hosts) this.#under.set(host, id);
    for (const [host, own] of evaluation.deckies)
      for (const [name, id] of own) this.#under.set(`${host} ${name}`, id);
    for (const location of [...this.#notified.keys()])
      if (this.#notified.get(location) !== this.#under.get(location)) this.#notified.delete(location);
    for (const [location, id] of this.#under) {
      if (ids.includes(id)) this.#notified.set(location, id);
      if (!this.first.has(location)) this.first.set(location, now);
    }
  }
}

const locationOf = (alert: Alert): string =>
  isAboutDecky(alert) ? `${alert.host} ${alert.subject.name}` : alert.host;

function hostOf(
  name: string,
  alerts: readonly Alert[],
  more: { deckies: number; under: string | null; isNotified: boolean },
): HostFacts {
  const own = alerts.find((one) => one.host === name && !isAboutDecky(one));
  if (own?.subject.kind !== 'host') return hostFacts(name, more);
  const { notified, stopped } = own.subject;
  return hostFacts(name, {
    ...more,
    stopped,
    dockerReason: own.reason,
    flappingSince: notified === flapping ? own.since : null,
    staleSince: notified !== flapping && notified.has('stale') ? own.since : null,
    unreachableSince: notified !== flapping && notified.has('unreachable') ? own.since : null,
  });
}
