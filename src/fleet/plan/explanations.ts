import type { EndedBy } from './cause.ts';

/**
 * What was heard on this host since the last pass: DECNET's messages and Docker's events. They explain what a pass observes, and
 * do not decide by themselves. @see LIVING.md, "How to tell"
 */
export interface Explanations {
  /** The services of a decky after its last rotation, by its name. */
  readonly mutations: ReadonlyMap<string, readonly string[]>;
  /** The last message about the deployment of a decky, by its name. */
  readonly lifecycles: ReadonlyMap<string, LifecycleStatus>;
  /** Who ended a container, by its name; without those that ended by themselves, and those that were started since. */
  readonly endings: ReadonlyMap<string, EndedBy>;
}

export const noExplanations: Explanations = {
  mutations: new Map(),
  lifecycles: new Map(),
  endings: new Map(),
};

export const lifecycleStatuses = ['running', 'succeeded', 'failed'] as const;
export type LifecycleStatus = (typeof lifecycleStatuses)[number];
