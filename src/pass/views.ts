import { type Desired, deckiesByName } from '../fleet/desired.ts';
import type { DeckyView, ReportedChange } from '../fleet/job.ts';
import type { Change } from '../fleet/plan/change.ts';
import type { Container } from '../fleet/plan/container-match.ts';
import type { ObservedDecky } from '../fleet/plan/decide.ts';
import { maskSecrets } from '../fleet/secrets.ts';
import { holdsExact } from '../lib/json.ts';

/** A change in the form of the job result and of `plan --json`. */
export const reportedChange = (change: Change): ReportedChange => ({
  action: change.action,
  name: change.name,
  from_state: change.from,
  to_state: change.to,
  reason:
    change.action === 'state' && change.contentReason !== null
      ? `${change.reason}; ${change.contentReason}`
      : change.reason,
});

/**
 * The desired and the observed state for each name.
 * @param observed what the plan has observed of them, so that both show the same
 */
export function deckyViews(
  names: readonly string[],
  desired: Desired,
  observed: ReadonlyMap<string, ObservedDecky>,
): readonly DeckyView[] {
  const deckies = deckiesByName(desired);
  return names.map((name) => {
    const wanted = maskSecrets(deckies.get(name)?.config ?? null);
    const found = observed.get(name);
    return {
      name,
      desired: wanted,
      ...(holdsExact(wanted) ? { desired_text: JSON.stringify(wanted) } : {}),
      observed: found === undefined ? null : observedView(found),
    };
  });
}

function observedView({ match, observation }: ObservedDecky): NonNullable<DeckyView['observed']> {
  const { state, reason } = observation;
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
      cut_off: container.network === 'cut off',
      is_looping: container.loop.kind === 'loop',
      age_seconds: container.ageSeconds,
    })),
  };
}
