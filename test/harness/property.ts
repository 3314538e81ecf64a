import fc from 'fast-check';
import { seed } from './seed.ts';

fc.configureGlobal({ seed });

/** Draws what follows from the run's seed. */
export { fc };
