/**
 * Long work that can be left and taken up again: it yields now and then, so that whoever runs it may let others have
 * their turn (a thousand containers, a thousand rows, are a few milliseconds).
 */
export type Steps<T> = Generator<void, T>;

/** Runs it in one go. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** How many elements one step takes. */
const stride = 200;

/** Whether a step ends before the element at this place. @example if (isPause(at)) yield; */
export const isPause = (at: number): boolean => at % stride === stride - 1;
