import { randomUUID } from 'node:crypto';
import { notificationOf } from '../fleet/alerts/notification.ts';
import { testFacts } from '../fleet/alerts/test-message.ts';
import type { Config } from './config.ts';

/** What came back from a receiver. */
export interface Tried {
  readonly receiver: string;
  readonly kind: string;
  /** Its address without anything secret. */
  readonly origin: string;
  readonly delivered: boolean;
  readonly answer: string;
}

/** Sends a message that is marked as a test to each receiver, whatever its filters. */
export async function tryReceivers({ receivers, publicUrl }: Config): Promise<readonly Tried[]> {
  const { openReceiver } = await import('../notify/receiver.ts');
  const body = notificationOf(testFacts(Date.now()), publicUrl);
  return Promise.all(
    receivers.map(async (settings): Promise<Tried> => {
      const { name, origin, send } = openReceiver(settings);
      const outcome = await send({ id: randomUUID(), attempts: 0, body }, new AbortController().signal);
      const isDelivered = outcome.kind === 'delivered';
      return {
        receiver: name,
        kind: settings.kind,
        origin,
        delivered: isDelivered,
        answer: isDelivered ? outcome.answer : outcome.reason,
      };
    }),
  );
}
