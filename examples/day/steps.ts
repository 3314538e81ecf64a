import { changes } from './changes.ts';
import type { Step } from './day.ts';
import { deployments } from './deployments.ts';
import { faults } from './faults.ts';

/** The events of a day on a DECNET host, in their order. */
export const day: readonly Step[] = [...deployments, ...changes, ...faults];
