import type { BrokenDeployment, Cause, EndedBy } from './cause.ts';
import type { Observation } from './observed-state.ts';
import type { Covered } from './rollout.ts';

/** What may explain that a decky does not run. */
export interface Explanations {
  readonly name: string;
  readonly services: readonly string[];
  readonly covered: Covered | null;
  readonly broken: BrokenDeployment | null;
  /** Who ended a container, by its name. */
  readonly endings: ReadonlyMap<string, EndedBy>;
}

const deploying: Observation = { state: 'pending', reason: 'deploying', cause: null, doubt: 'none' };

const outcomes: Readonly<Record<BrokenDeployment['outcome'], string>> = {
  failed: 'its deployment failed',
  unfinished: 'its deployment did not finish',
};

/** What is observed of a decky that does not run, with what explains it. */
export function explained(observation: Observation, by: Explanations): Observation {
  if (by.covered !== null) return deploying;
  const endedBy = observation.cause === null ? undefined : endingOf(observation.cause, by);
  const { broken } = by;
  if (endedBy === undefined && broken === null) return observation;
  return {
    ...observation,
    reason: broken === null ? observation.reason : `${observation.reason}; ${outcomes[broken.outcome]}`,
    cause: observation.cause && {
      ...observation.cause,
      ...(endedBy && { endedBy }),
      ...(broken && { deployment: broken }),
    },
  };
}

/** Who ended the container that the cause is about; of a decky without any, who ended any of its containers. */
function endingOf(cause: Cause, { name, services, endings }: Explanations): EndedBy | undefined {
  if (endings.size === 0) return undefined;
  const suspects = cause.service !== null ? [cause.service] : cause.state === 'no container' ? services : [];
  const names = suspects.flatMap((service) => [
    `${name}-${service}`,
    `${name}-${service.replaceAll('_', '-')}`,
  ]);
  return [...names, ...(suspects.length === 0 ? [name] : [])]
    .map((container) => endings.get(container))
    .find((ended) => ended !== undefined);
}
