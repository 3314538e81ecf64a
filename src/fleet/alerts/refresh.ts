import { isObject, type JsonObject, property, textsOf } from '../../lib/json.ts';
import { type DeckyAlert, isDown } from './alert.ts';
import { kindsAboutContainers, type NotificationKind, notificationOf } from './notification.ts';
import { sharedReason } from './shared-reason.ts';

/** What a message that waited for its receiver needs to say the reason of now. */
export interface Waiting {
  readonly kind: NotificationKind;
  readonly host: string;
  readonly names: readonly string[];
}

/**
 * Whose reason a waiting message carries. Null: it carries none, or is about more deckies than it names.
 * @param body of a `Notification`
 */
export function waitingOf(body: JsonObject): Waiting | null {
  const kind = [...kindsAboutContainers].find((one) => one === body.kind);
  const host = property(body, 'host_uuid');
  const names = typeof body.name === 'string' ? [body.name] : textsOf(body.names);
  if (kind === undefined || typeof host !== 'string') return null;
  return names.length > 0 && names.length === body.count ? { kind, host, names } : null;
}

/**
 * The message with the reason of now, where all its deckies are still in the state that it is about.
 * @param alerts those of its deckies @param deckies how many are recorded for the host
 */
export function refreshed(
  body: JsonObject,
  waiting: Waiting,
  alerts: readonly DeckyAlert[],
  deckies: number,
): JsonObject {
  const byName = new Map(alerts.map((alert) => [alert.subject.name, alert]));
  const found = waiting.names.flatMap((name) => byName.get(name) ?? []);
  const state = textOf(body.state);
  const isSame = (alert: DeckyAlert): boolean =>
    (state === null ? isDown(alert.subject.state) : alert.subject.state === state) &&
    (waiting.kind === 'deployment_failed') === (alert.subject.cause?.deployment !== undefined);
  if (found.length < waiting.names.length || !found.every(isSame)) return body;
  const { reason, service, exit_code, text } = notificationOf(
    {
      ...waiting,
      ...sharedReason(found.map((one) => ({ reason: one.reason, cause: one.subject.cause }))),
      state,
      previous: textOf(body.previous_state),
      since: 0,
      deckies,
      incident: null,
      isGrown: isObject(body.incident) && body.incident.event === 'grown',
    },
    null,
  );
  return { ...body, reason, service, exit_code, text };
}

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null);
