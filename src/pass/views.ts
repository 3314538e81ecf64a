import { deckiesByName } from '../fleet/desired.ts';
import type { DeckyView, ReportedChange } from '../fleet/job.ts';
import { type Change, contentReason } from '../fleet/plan/change.ts';
import { type Container, type ContainerMatch, indexContainers } from '../fleet/plan/container-match.ts';
import type { Row } from '../fleet/plan/facts.ts';
import { observedState } from '../fleet/plan/observed-state.ts';
import { knownServices } from '../fleet/plan/plan.ts';
import { maskSecrets } from '../fleet/secrets.ts';
import { holdsExact } from '../lib/json.ts';
import type { HostFacts } from './observe.ts';

/** A change in the form of the job result and of `plan --json`. */
export const reportedChange = (change: Change): ReportedChange => ({
  action: change.action,
  name: change.name,
  from_state: change.from,
  to_state: change.to,
  reason:
    change.action === 'state' && change.changed.length > 0
      ? `${change.reason}; ${contentReason(change.changed)}`
      : change.reason,
});

/** The desired and the observed state for each name. */
export function deckyViews(
  names: readonly string[],
  { desired, observed }: HostFacts,
  recorded: readonly Row[],
): readonly DeckyView[] {
  const deckies = deckiesByName(desired);
  const known = knownServices(deckies, recorded);
  const index = observed.kind === 'ok' ? indexContainers(observed.containers, known) : null;
  return names.map((name) => {
    const expected = known.get(name);
    const wanted = maskSecrets(deckies.get(name)?.config ?? null);
    return {
      name,
      desired: wanted,
      ...(holdsExact(wanted) ? { desired_text: JSON.stringify(wanted) } : {}),
      observed: index === null || expected === undefined ? null : observedView(expected, index.matchOf(name)),
    };
  });
}

function observedView(
  services: readonly string[],
  match: ContainerMatch,
): NonNullable<DeckyView['observed']> {
  const { state, reason } = observedState(services, match);
  const containers = [match.base, ...match.services.values(), ...match.strays].filter(
    (container): container is Container => container !== null,
  );
  return {
    state,
    reason,
    containers: containers.map((container) => ({
      name: container.name,
      service: container.service,
      state: container.state,
      exit_code: container.exitCode,
      unhealthy: container.unhealthy,
    })),
  };
}
