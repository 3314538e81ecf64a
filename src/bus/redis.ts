import type { Redis } from 'ioredis';
import { redisChannel } from '../fleet/topics.ts';
import { envelope, payloadOf, type Transport } from './transport.ts';

/**
 * Between hosts on Redis pub/sub: a channel for each topic. Publishes on a connection that is open anyway, and opens
 * one of its own when somebody subscribes.
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
    subscriber = shared.duplicate({ lazyConnect: false });
    // The shared connection's own listener tells of the outage.
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
      // ioredis keeps what is sent while it connects: right at the start, and stale after an outage.
      if (wasReady && shared.status !== 'ready') throw new Error(`the connection is ${shared.status}`);
      await Promise.all(
        messages.map((message) => shared.publish(channelOf(message.topic), envelope(message))),
      );
    },
    subscribe: (topic, receive) => {
      receivers.set(channelOf(topic), receive);
      subscribing()
        .subscribe(channelOf(topic))
        .catch(() => undefined);
    },
    close: async () => {
      subscriber?.disconnect();
    },
  };
}
