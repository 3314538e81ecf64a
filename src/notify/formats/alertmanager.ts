import { isObject, type JsonObject } from '../../lib/json.ts';
import { aboutOf } from './about.ts';

/**
 * Milliseconds after which Alertmanager itself resolves an alert that is not sent again. It outlasts a restart of the
 * scheduler.
 */
const endsAfterMs = 15 * 60_000;
/** The same for an incident that somebody has acknowledged: it is not sent again, and lasts until its end is sent. */
const endsLateMs = 30 * 86_400_000;
/** The same for a message that is not about an incident, so that nothing sends it again. */
const endsSoonMs = 5 * 60_000;

/**
 * An alert for Alertmanager's `POST /api/v2/alerts`. Alertmanager recognizes an alert by its labels, so that they are the same
 * at every repetition, and the texts are what the incident says and not the single message.
 * @param body a message, or an open incident as `{incident}`
 */
export function alertOf(body: JsonObject, now: number): JsonObject {
  const { kind, id, severity, host, cause, extent, next, link, isResolved, since, at } = aboutOf(body);
  const begins = Math.min(timeOf(since) ?? now, now);
  const isOpenIncident = body.incident != null && !isResolved;
  const isAcknowledged = isObject(body.incident) && body.incident.acknowledged === true;
  // The end of an alert is after its beginning.
  const ends = isResolved
    ? Math.max(Math.min(timeOf(at) ?? now, now), begins + 1)
    : now + (isOpenIncident ? (isAcknowledged ? endsLateMs : endsAfterMs) : endsSoonMs);
  return {
    labels: {
      alertname: kind,
      incident: id,
      severity,
      source: 'decnet-fleet',
      ...(host === null ? {} : { host }),
    },
    annotations: {
      summary: cause,
      ...(extent === '' ? {} : { affected: extent }),
      ...(next === '' ? {} : { next }),
    },
    startsAt: new Date(begins).toISOString(),
    endsAt: new Date(ends).toISOString(),
    ...(link === null ? {} : { generatorURL: link }),
  };
}

function timeOf(text: string): number | null {
  const time = Date.parse(text);
  return Number.isNaN(time) ? null : time;
}

/** The address of the alerts, below the path of the server. */
export function alertsUrl(address: URL): URL {
  const url = new URL(address);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/api/v2/alerts`;
  return url;
}
