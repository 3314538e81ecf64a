/** A part of a pass, as traces name it. */
export type Step = 'observe' | 'plan' | 'apply' | 'announce';

/** Records how long the steps of passes take. */
export interface Spans {
  within<T>(step: Step, work: () => Promise<T>): Promise<T>;
}

/** Records nothing. */
export const noSpans: Spans = { within: (_step, work) => work() };
