import type { StoredIncident } from '../incidents/follow.ts';
import type { Incident } from '../incidents/incident.ts';
import { type ActiveSilence, coverOf } from './cover.ts';

/** How silences concern an incident. */
export type Quiet = Pick<StoredIncident, 'silencedBy' | 'silencedEver' | 'unsilencedAt'>;

export const neverSilenced: Quiet = { silencedBy: null, silencedEver: [], unsilencedAt: null };

export function quietOf(
  incident: Incident,
  before: Quiet | null,
  active: readonly ActiveSilence[],
  now: number,
): Quiet {
  const { silencedBy, silencedEver, unsilencedAt } = before ?? neverSilenced;
  const cover = coverOf(incident, active);
  if (cover === null)
    return { silencedBy: null, silencedEver, unsilencedAt: silencedBy === null ? unsilencedAt : now };
  return {
    silencedBy: cover.first,
    silencedEver: [...new Set([...silencedEver, ...cover.all])],
    unsilencedAt: null,
  };
}
