import { setFlagsFromString } from 'node:v8';

/**
 * Has V8 keep the heap of a process that runs passes small, and collect its garbage in short stops: a young generation
 * that does not grow, and an old one that is collected when it has doubled. As Node sets it, both may grow to
 * several times of what is alive.
 *
 * Not by flags on the command line: they would make Node's compile cache another one. What is loaded after this call does
 * not come from it either.
 */
export function keepHeapSmall(): void {
  for (const flag of ['--semi-space-growth-factor=1', '--heap-growing-percent=100']) setFlagsFromString(flag);
}
