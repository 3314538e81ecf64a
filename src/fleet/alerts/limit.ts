import { type Notification, noReason, notificationOf } from './notification.ts';

/**
 * Messages about one host within a minute. Its worker writes its alerts: one that was taken over could otherwise send
 * any number, whatever counts as flapping.
 */
export const messagesAtMost = 20;

export interface SentMessages {
  readonly sent: number;
  /** Whether a message said that more are held back. */
  readonly limited: boolean;
}

/** Those that still have room, in their order, and the others. @param sent how many were sent in this minute */
export const withinLimit = <T>(
  due: readonly T[],
  sent: number,
): { going: readonly T[]; heldBack: readonly T[] } => {
  const room = Math.max(0, messagesAtMost - sent);
  return { going: due.slice(0, room), heldBack: due.slice(room) };
};

/** @param count how many messages are held back */
export const limitMessage = (
  host: string,
  count: number,
  now: number,
  publicUrl: string | null,
): Notification =>
  notificationOf(
    {
      kind: 'host_limited',
      host,
      names: [],
      heldBack: count,
      state: null,
      previous: null,
      ...noReason,
      since: now,
      deckies: 0,
      incident: null,
    },
    publicUrl,
  );
