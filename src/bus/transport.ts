import { randomBytes } from 'node:crypto';
import type { Message } from '../fleet/topics.ts';

/** A transport for messages. It reconnects and resubscribes automatically. */
export interface Transport {
  readonly name: string;
  /** Where received messages come from: this host or any host of the fleet. */
  readonly scope: 'host' | 'fleet';
  /**
   * Sends messages in order. Resolves when the other side has accepted them, without a time limit, so that the caller can
   * limit what it sends. Rejects when they cannot be sent.
   */
  publish(messages: readonly Message[]): Promise<void>;
  /** @param topic exact; of a transport of this host also a pattern, in which `*` stands for one token */
  subscribe(topic: string, receive: (payload: unknown, topic: string) => void): void;
  close(): Promise<void>;
}

/** The envelope of a message as JSON. @see BUS.md, Envelope */
export const envelope = ({ topic, type, payload }: Message): string =>
  JSON.stringify({ v: 1, id: randomBytes(16).toString('hex'), topic, type, ts: Date.now() / 1000, payload });

/** The payload of a received envelope; undefined: the text is not an envelope. */
export function payloadOf(text: string): unknown {
  try {
    const found: unknown = JSON.parse(text);
    return typeof found === 'object' && found !== null && 'payload' in found ? found.payload : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a topic matches a pattern, in which `*` stands for one token. @see BUS.md, "Topics and patterns" */
export function matchesTopic(pattern: string, topic: string): boolean {
  const [wanted, tokens] = [pattern.split('.'), topic.split('.')];
  return (
    wanted.length === tokens.length &&
    wanted.every((token, at) => (token === '*' ? tokens[at] !== '' : token === tokens[at]))
  );
}

export const isPattern = (topic: string): boolean => topic.split('.').includes('*');
