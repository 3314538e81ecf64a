import { isIncidentKind } from '../incidents/incident.ts';
import { type Scope, scopeText } from './silence.ts';

/** A silence, as its JSON has it. Times are ISO 8601. */
interface SilenceWords {
  readonly scope: Scope['kind'];
  readonly host_uuid: string | null;
  readonly name: string | null;
  readonly kind: string | null;
  readonly until: string;
  readonly every: string | null;
  readonly by: string;
  readonly why: string;
}

/** `2026-01-31 12:00 UTC`. @param at ISO 8601 */
export const momentText = (at: string): string => `${at.slice(0, 16).replace('T', ' ')} UTC`;

/** `host web-1 until 2026-01-31 12:00 UTC, by ops: kernel update`. */
export function silenceText({ until, every, by, why, ...silence }: SilenceWords): string {
  const times = every === null ? '' : `, ${every} UTC`;
  return `${scopeText(scopeOf(silence))}${times} until ${momentText(until)}, by ${by}: ${why}`;
}

function scopeOf({
  scope,
  host_uuid,
  name,
  kind,
}: Pick<SilenceWords, 'scope' | 'host_uuid' | 'name' | 'kind'>): Scope {
  const host = host_uuid ?? '';
  if (scope === 'host') return { kind: scope, host };
  if (scope === 'decky') return { kind: scope, host, name: name ?? '' };
  if (scope === 'cause' && kind !== null && isIncidentKind(kind)) return { kind: scope, cause: kind };
  return { kind: 'everything' };
}

/** What people have decided about an incident: `silenced until … by …: why`, `acknowledged by …: why`. */
export const incidentMarks = ({
  silenced,
  acknowledged,
}: {
  readonly silenced: { readonly until: string; readonly by: string; readonly why: string } | null;
  readonly acknowledged: { readonly by: string; readonly why: string } | null;
}): readonly string[] => [
  ...(silenced === null
    ? []
    : [`silenced until ${momentText(silenced.until)} by ${silenced.by}: ${silenced.why}`]),
  ...(acknowledged === null ? [] : [`acknowledged by ${acknowledged.by}: ${acknowledged.why}`]),
];
