import { endsWithin } from './ends-within.ts';

/** The time limit of a call to a store in milliseconds. Without it, calls to Redis wait until an outage ends. */
const answerWithinMs = 10_000;

/** @throws the error of `ask`, or Error when there is no answer in time */
export async function withinLimit<T>(ask: () => Promise<T>): Promise<T> {
  const answer = ask();
  if (await endsWithin(answerWithinMs, answer)) return answer;
  throw new Error(`no answer within ${answerWithinMs / 1000} s`);
}
