import { setFlagsFromString } from 'node:v8';

/**
 * Makes V8 keep the heap of a process that runs passes small and its garbage collection pauses short. The young
 * generation does not grow, and the old generation is collected when it has doubled. With Node's defaults, both may
 * grow to several times the size of the live objects.
 *
 * The flags are not set on the command line, because Node uses a separate compile cache for each set of flags. Modules
 * that are loaded after this call do not come from the compile cache either.
 */
export function keepHeapSmall(): void {
  for (const flag of ['--semi-space-growth-factor=1', '--heap-growing-percent=100']) setFlagsFromString(flag);
}
