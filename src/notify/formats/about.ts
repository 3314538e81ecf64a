import { isSeverity, type Severity } from '../../fleet/incidents/incident.ts';
import { nextText } from '../../fleet/incidents/summary.ts';
import { type LastLines, lastLinesFromJson } from '../../fleet/last-lines.ts';
import { countOf } from '../../fleet/words.ts';
import { isObject, type Json, type JsonObject } from '../../lib/json.ts';
import { capital } from '../../lib/text.ts';

/** What the formats show of a message. @see docs/schemas/notification.schema.json */
export interface About {
  readonly text: string;
  readonly link: string | null;
  /** Of the incident; a message without one has its own kind. */
  readonly kind: string;
  readonly id: string;
  readonly severity: Severity;
  readonly isResolved: boolean;
  readonly cause: string;
  /** How much it affects; empty: it is about the whole fleet, or about no incident. */
  readonly extent: string;
  /** What to do next; empty: nothing is known. */
  readonly next: string;
  /** The only host that it is about; null: several, or none. */
  readonly host: string | null;
  /** The end of the logs of what broke. */
  readonly lastLines: LastLines;
  /** When it began, and when the message's state began: ISO 8601. */
  readonly since: string;
  readonly at: string;
}

export function aboutOf(body: JsonObject): About {
  const incident = isObject(body.incident) ? body.incident : null;
  const host = textOf(body.host_uuid);
  const message = {
    text: textOf(body.text),
    link: typeof body.link === 'string' ? body.link : null,
    at: textOf(body.since),
    lastLines: lastLinesFromJson(body.last_lines),
  };
  if (incident === null) {
    const kind = textOf(body.kind);
    const severity = kind === 'test' ? ('info' as const) : ('warning' as const);
    return {
      ...message,
      kind,
      id: host === '' ? kind : `${kind}-${host}`,
      severity,
      isResolved: false,
      cause: message.text,
      extent: '',
      next: '',
      host: host === '' ? null : host,
      since: message.at,
    };
  }
  const hosts = Number(incident.hosts);
  const names = Array.isArray(incident.host_names) ? incident.host_names : [];
  return {
    ...message,
    kind: textOf(incident.kind),
    id: textOf(incident.id),
    severity: isSeverity(incident.severity) ? incident.severity : 'warning',
    isResolved: incident.event === 'resolved',
    cause: textOf(incident.cause),
    extent: hosts > 0 ? `${countOf(hosts, 'host')}, ${countOf(Number(incident.deckies), 'decky')}` : '',
    next: nextOf(incident.next),
    host: hosts === 1 && typeof names[0] === 'string' ? names[0] : null,
    since: textOf(incident.since),
  };
}

const textOf = (value: Json | undefined): string => (typeof value === 'string' ? value : '');

function nextOf(next: Json | undefined): string {
  if (!isObject(next) || typeof next.command !== 'string') return '';
  return nextText({ host: typeof next.host === 'string' ? next.host : null, command: next.command });
}

/** `Critical: Docker does not answer`, for titles and subjects. */
export const headlineOf = ({ isResolved, severity, cause }: About): string => {
  const word = isResolved ? 'resolved' : severity;
  return `${capital(word)}: ${cause}`;
};
