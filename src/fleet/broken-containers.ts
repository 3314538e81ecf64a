import { isDown } from './alerts/alert.ts';
import type { Transition } from './plan/change.ts';
import type { Container } from './plan/container-match.ts';
import type { EngineAnswer } from './plan/facts.ts';
import type { FleetState } from './state.ts';

/** The container whose end took a decky down. */
export interface BrokenContainer {
  readonly decky: string;
  /** The state that the decky has now. */
  readonly state: FleetState;
  /** Null: its base container. */
  readonly service: string | null;
  readonly container: string;
}

/** How many a pass reads: what takes more of them down is not in the log of one. */
const brokenAtMost = 5;

/** The states, in a cause, of a container that has ended. */
const ended: ReadonlySet<string> = new Set(['exited', 'dead', 'restarting', 'restart loop']);

/** The containers that took deckies down in a pass. @param observed what the pass saw */
export function brokenContainers(
  transitions: readonly Transition[],
  observed: EngineAnswer,
): readonly BrokenContainer[] {
  if (observed.kind !== 'ok') return [];
  return transitions
    .filter(
      ({ from, to, cause }) => from !== to && to !== null && isDown(to) && ended.has(cause?.state ?? ''),
    )
    .slice(0, brokenAtMost)
    .flatMap(({ name: decky, to, cause }) => {
      const service = cause?.service ?? null;
      const found = observed.containers.find((one) => isContainerOf(one, decky, service));
      return found === undefined || to === null ? [] : [{ decky, state: to, service, container: found.name }];
    });
}

const isContainerOf = (one: Container, decky: string, service: string | null): boolean =>
  !one.isOfTopology &&
  (service === null
    ? one.name === decky
    : one.decky === null
      ? one.name === `${decky}-${service}` || one.name === `${decky}-${service.replaceAll('_', '-')}`
      : one.decky === decky && one.service === service);
