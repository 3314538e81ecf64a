import type { Redis } from 'ioredis';
import { redisChannel } from '../fleet/topics.ts';
import { envelope, payloadOf, type Transport } from './transport.ts';

/**
 * The transport between hosts on Redis pub/sub, with one channel for each topic. It publishes on the shared connection, and
 * opens its own connection on the first subscription.
 */
export function redisTransport(shared: Redis): Transport {
  let wasReady = shared.status === 'ready';
  shared.once('ready', () => {
    wasReady = true;
  });
  const channelOf = (topic: string): string => redisChannel(topic, shared.options.db ?? 0);
  let subscriber: Redis | null = null;
  const receivers = new Map<string, (payload: unknown) => void>();
  const subscribing = (): Redis => {
    if (subscriber !== null) return subscriber;
    subscriber = shared.duplicate();
    // The listener of the shared connection reports the outage.
    subscriber.on('error', () => undefined);
    subscriber.on('message', (channel: string, text: string) => {
      const payload = payloadOf(text);
      if (payload !== undefined) receivers.get(channel)?.(payload);
    });
    return subscriber;
  };
  return {
    name: 'Redis',
    scope: 'fleet',
    publish: async (messages) => {
      // ioredis queues commands while it connects. That is right at start, but after an outage the messages would be stale.
      if (wasReady && shared.status !== 'ready') throw new Error(`the connection is ${shared.status}`);
      await Promise.all(
        messages.map((message) => shared.publish(channelOf(message.topic), envelope(message))),
      );
    },
    subscribe: (topic, receive) => {
      receivers.set(channelOf(topic), (payload) => receive(payload, topic));
      subscribing()
        .subscribe(channelOf(topic))
        .catch(() => undefined);
    },
    close: async () => {
      subscriber?.disconnect();
    },
  };
}
