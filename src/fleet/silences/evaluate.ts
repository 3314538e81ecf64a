import { oldAfterMs } from '../incidents/due.ts';
import type { ActiveSilence } from './cover.ts';
import { periodAt, type Silence } from './silence.ts';
import type { Period } from './window.ts';

/** A silence as the table has it. */
export interface StoredSilence extends Silence {
  /** Since when it is active, as the last evaluation saw it; null: it was not, or its end was summed up. */
  readonly activeSince: number | null;
}

/** A period of a silence that is over. */
export interface Over {
  readonly silence: Silence;
  readonly period: Period;
}

/** What has become of the silences since the last evaluation. */
export interface SilenceEvaluation {
  readonly active: readonly ActiveSilence[];
  /** Their summaries are due. */
  readonly over: readonly Over[];
  /** What is written. */
  readonly changes: readonly Pick<StoredSilence, 'id' | 'activeSince'>[];
}

/** @param sends whether this process sends messages; another process that does is given time to sum up */
export function evaluateSilences(
  stored: readonly StoredSilence[],
  now: number,
  sends: boolean,
): SilenceEvaluation {
  const active: ActiveSilence[] = [];
  const over: Over[] = [];
  const changes: Pick<StoredSilence, 'id' | 'activeSince'>[] = [];
  for (const { activeSince, ...silence } of stored) {
    const period = periodAt(silence, now);
    if (period !== null) active.push({ silence, to: period.to });
    const ended = activeSince === null ? null : endedPeriod(silence, activeSince, now);
    if (ended !== null && !sends && now - ended.to < oldAfterMs) continue;
    if (ended !== null) over.push({ silence, period: ended });
    if (ended !== null || (activeSince === null && period !== null))
      changes.push({ id: silence.id, activeSince: period?.from ?? null });
  }
  return { active, over, changes };
}

/** The period that began then; null: it lasts. */
function endedPeriod(silence: Silence, activeSince: number, now: number): Period | null {
  const to = periodAt(silence, activeSince)?.to ?? silence.endedAt ?? activeSince;
  return to <= now ? { from: activeSince, to } : null;
}
