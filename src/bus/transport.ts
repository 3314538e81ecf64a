import { randomBytes } from 'node:crypto';
import type { Message } from '../fleet/topics.ts';

/** One way for messages to travel. It reconnects and subscribes again by itself. */
export interface Transport {
  readonly name: string;
  /** Of the messages that it receives. */
  readonly scope: 'host' | 'fleet';
  /** Rejects when it could not be sent: down, or its peer does not read. */
  publish(message: Message): Promise<void>;
  subscribe(topic: string, receive: (payload: unknown) => void): void;
  /** Ends after what was published is sent, within its limit. */
  close(): Promise<void>;
}

/** At most so many messages are under way; what comes while a peer does not read is dropped. */
export const mostUnderWay = 1024;

/** @see BUS.md, Envelope */
export const envelope = ({ topic, type, payload }: Message): string =>
  JSON.stringify({ v: 1, id: randomBytes(16).toString('hex'), topic, type, ts: Date.now() / 1000, payload });

/** The payload of an envelope that somebody sent; undefined: it is none. */
export function payloadOf(text: string): unknown {
  try {
    const found: unknown = JSON.parse(text);
    return typeof found === 'object' && found !== null && 'payload' in found ? found.payload : undefined;
  } catch {
    return undefined;
  }
}

/** Counts what is under way, refuses beyond the limit, and waits for the rest at the end. */
export function underWay(limit = mostUnderWay) {
  const open = new Set<Promise<unknown>>();
  return {
    run: async (send: () => Promise<unknown>): Promise<void> => {
      if (open.size >= limit) throw new Error(`${limit} messages are under way already`);
      const sending = send();
      open.add(sending);
      try {
        await sending;
      } finally {
        open.delete(sending);
      }
    },
    /** @param within milliseconds */
    settled: async (within: number): Promise<void> => {
      let timer: NodeJS.Timeout | undefined;
      const limitReached = new Promise((done) => {
        timer = setTimeout(done, within);
      });
      await Promise.race([Promise.allSettled(open), limitReached]);
      clearTimeout(timer);
    },
  };
}
