import { randomBytes } from 'node:crypto';
import type { Message } from '../fleet/topics.ts';

/** One way for messages to travel. It reconnects and subscribes again by itself. */
export interface Transport {
  readonly name: string;
  /** Of the messages that it receives. */
  readonly scope: 'host' | 'fleet';
  /**
   * Sends some messages, in their order. Resolves when the other side has taken them, however long that takes: the caller
   * has more waits for it. Rejects when they could not be sent.
   */
  publish(messages: readonly Message[]): Promise<void>;
  subscribe(topic: string, receive: (payload: unknown) => void): void;
  close(): Promise<void>;
}

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
