import { coveringOf, deckyRules } from './decky-rules.ts';
import type { ControlFacts, FleetFacts } from './facts.ts';
import { byLocation, Gathered } from './gathered.ts';
import { hostRules } from './host-rules.ts';
import { type Incident, incidentId } from './incident.ts';
import { sentences } from './words.ts';

export interface Evaluation {
  /** In the order in which they are listed. */
  readonly incidents: readonly Incident[];
  /** The incident of each host with a fault. */
  readonly hosts: ReadonlyMap<string, string>;
  /** The incident of each decky of the facts, by host and name. */
  readonly deckies: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/**
 * The open incidents. Larger causes come first, and cover what they explain. What already belongs to an open incident stays
 * there while it lasts, so that an id, and what was sent, stay true.
 */
export function evaluate(given: FleetFacts): Evaluation {
  const facts = { ...given, control: believed(given) };
  const gathered = new Gathered(facts.open);
  controlRules(facts.control, gathered);
  const hosts = hostRules(facts, gathered);
  const byHost = new Map(facts.hosts.map((host) => [host.host, host]));
  const deckies = deckyRules(
    facts.deckies.toSorted(byLocation),
    (host) => coveringOf(byHost.get(host), hosts.get(host)),
    gathered,
  );
  return { incidents: gathered.incidents(byHost), hosts, deckies };
}

/** By facts that are not to be relied on no incident is opened, and none is closed. */
function believed({ control, open, now }: FleetFacts): ControlFacts {
  if (control.isOld !== true) return control;
  const isOpen = (id: string): boolean => open.some((one) => one.id === id);
  return {
    ...control,
    queuesLostAt: isOpen(incidentId('queues_unreachable')) ? (control.queuesLostAt ?? now) : null,
    schedulerLostAt: isOpen(incidentId('scheduler_silent')) ? (control.schedulerLostAt ?? now) : null,
  };
}

/** The parts of the control plane. A store that does not answer explains that no process serves the schedule there. */
function controlRules(control: ControlFacts, gathered: Gathered): void {
  const { queuesLostAt, queuesLocation, schedulerLostAt, undeliveredSince } = control;
  const part = (
    kind: 'queues_unreachable' | 'scheduler_silent' | 'notifications_undelivered',
    name: string,
    since: number,
  ) => gathered.add(incidentId(kind), { kind, ...sentences[kind](name) }, { host: null, name, since });
  if (queuesLostAt !== null) part('queues_unreachable', queuesLocation, queuesLostAt);
  if (queuesLostAt === null && schedulerLostAt !== null)
    part('scheduler_silent', 'schedule', schedulerLostAt);
  if (undeliveredSince !== null) part('notifications_undelivered', 'notifications', undeliveredSince);
}
