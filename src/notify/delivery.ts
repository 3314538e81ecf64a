import type { Sending } from '../pass/outbox.ts';

/** `refused`: the receiver rejects this message permanently; `busy`: the receiver asks for a pause. */
export type Delivery =
  | { readonly kind: 'delivered'; readonly answer: string }
  | { readonly kind: 'failed' | 'refused'; readonly reason: string }
  | { readonly kind: 'busy'; readonly reason: string; readonly seconds: number };

/** The time limit of an attempt, in milliseconds. It is shorter than the lease of a message. */
export const answerWithinMs = 10_000;

/** Sends messages in the form of one receiver. */
export interface Transport {
  /** Where it sends, without anything secret. */
  readonly origin: string;
  send(message: Sending, signal: AbortSignal): Promise<Delivery>;
}
