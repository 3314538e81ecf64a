import type { Message } from '../fleet/topics.ts';
import { endsWithin } from '../lib/ends-within.ts';
import type { Log } from '../lib/log.ts';
import { outageLog } from '../lib/outage-log.ts';
import type { Bus } from '../pass/announce.ts';
import { isPattern, type Transport } from './transport.ts';

/** The maximum number of messages waiting for a transport, enough for one pass over a very large host. More are dropped. */
const maxWaiting = 200_000;
/** On close, milliseconds for the transport to send the next messages; otherwise the waiting ones are dropped. */
const takesWithinMs = 1000;

/** Sends messages without reporting failures to the pass. A failure is logged once, until sending works again. */
export function bestEffort(transports: readonly Transport[], log: Log): Bus {
  const senders = transports.map((transport) => sender(transport, log));
  return {
    publish: (messages) => {
      for (const { send } of senders) send(messages);
    },
    subscribe: (topic, receive) => {
      for (const transport of transports) {
        if (isPattern(topic) && transport.scope !== 'host') continue;
        transport.subscribe(topic, (payload, of) => receive(payload, transport.scope, of));
      }
    },
    close: async () => {
      await Promise.all(senders.map(({ close }) => close()));
    },
  };
}

/** Queues messages for a transport and sends them in order, as fast as the transport accepts them. */
function sender(transport: Transport, log: Log) {
  const waiting: (readonly Message[])[] = [];
  let count = 0;
  let sending: Promise<void> | null = null;
  const outage = outageLog((cause: { error: unknown; topic: string | undefined }) =>
    log.warn({ transport: transport.name, ...cause }, 'cannot send messages'),
  );

  const sendAll = async (): Promise<void> => {
    for (let messages = waiting.shift(); messages !== undefined; messages = waiting.shift()) {
      try {
        await transport.publish(messages);
        outage.works();
      } catch (error) {
        outage.failed({ error, topic: messages[0]?.topic });
      }
      count -= messages.length;
    }
    sending = null;
  };
  return {
    send: (messages: readonly Message[]): void => {
      if (count + messages.length > maxWaiting) {
        outage.failed({
          error: new Error(`${count} messages are already waiting`),
          topic: messages[0]?.topic,
        });
        return;
      }
      waiting.push(messages);
      count += messages.length;
      sending ??= sendAll();
    },
    close: async (): Promise<void> => {
      for (let left = Infinity; sending !== null && count < left; ) {
        left = count;
        await endsWithin(takesWithinMs, sending);
      }
      waiting.length = 0;
      await transport.close();
    },
  };
}
