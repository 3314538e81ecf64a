import { endsWithin } from './ends-within.ts';

/** The time limit of a call to a store in milliseconds. Without it, calls to Redis wait until an outage ends. */
const answerWithinMs = 10_000;

const noAnswer = (seconds: number): Error => new Error(`no answer within ${seconds} s`);

/**
 * Waits for an answer with a time limit. A call that is late continues; its result, and its error, are ignored.
 * @param ms milliseconds @param fault makes the error of a call that is late
 * @throws the error of `ask`, or that of `fault`
 */
export async function withinLimit<T>(
  ask: () => Promise<T>,
  ms: number = answerWithinMs,
  fault: (seconds: number) => Error = noAnswer,
): Promise<T> {
  const answer = ask();
  if (await endsWithin(ms, answer)) return answer;
  throw fault(ms / 1000);
}
