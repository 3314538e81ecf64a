import { type IncidentKind, isIncidentKind } from '../incidents/incident.ts';
import { occurrenceAt, type Period, type Window } from './window.ts';

/** What a silence is about. `cause`: incidents of one kind, on any host. */
export type Scope =
  | { readonly kind: 'everything' }
  | { readonly kind: 'host'; readonly host: string }
  | { readonly kind: 'decky'; readonly host: string; readonly name: string }
  | { readonly kind: 'cause'; readonly cause: IncidentKind };

/** For a time, incidents of a scope are recorded and not sent. Times are epoch milliseconds. */
export interface Silence {
  readonly id: string;
  readonly scope: Scope;
  readonly startsAt: number;
  readonly until: number;
  /** Within these times only; null: the whole time. */
  readonly every: Window | null;
  readonly who: string;
  readonly why: string;
  /** When somebody ended it before its time. */
  readonly endedAt: number | null;
}

/** The period of a silence in which a moment lies; null: it is not active then. */
export function periodAt(
  { startsAt, until, every, endedAt }: Pick<Silence, 'startsAt' | 'until' | 'every' | 'endedAt'>,
  at: number,
): Period | null {
  const end = Math.min(until, endedAt ?? until);
  if (at < startsAt || at >= end) return null;
  if (every === null) return { from: startsAt, to: end };
  const occurrence = occurrenceAt(every, at);
  return occurrence && { from: Math.max(startsAt, occurrence.from), to: Math.min(end, occurrence.to) };
}

/** `host web-1`, `decky web-1/mail`. */
export function scopeText(scope: Scope): string {
  if (scope.kind === 'everything') return scope.kind;
  if (scope.kind === 'host') return `host ${scope.host}`;
  if (scope.kind === 'decky') return `decky ${scope.host}/${scope.name}`;
  return `cause ${scope.cause}`;
}

/** The scope that a text of `scopeText` names; null: it names none. */
export function parseScope(text: string): Scope | null {
  const [, kind = '', rest = ''] = /^(\S+)(?: (.+))?$/s.exec(text) ?? [];
  const slash = rest.indexOf('/');
  if (text === 'everything') return { kind: text };
  if (kind === 'host' && rest !== '') return { kind, host: rest };
  if (kind === 'decky' && slash > 0 && slash < rest.length - 1)
    return { kind, host: rest.slice(0, slash), name: rest.slice(slash + 1) };
  if (kind === 'cause' && isIncidentKind(rest)) return { kind, cause: rest };
  return null;
}
