import { endsWithin } from './ends-within.ts';

/** Milliseconds within which the store answers, else it is down: on Redis a call would wait for ever. */
const answerWithinMs = 10_000;

/** @throws what `ask` throws, or that nobody answered */
export async function withinLimit<T>(ask: () => Promise<T>): Promise<T> {
  const answer = ask();
  if (await endsWithin(answerWithinMs, answer)) return answer;
  throw new Error(`no answer within ${answerWithinMs / 1000} s`);
}
