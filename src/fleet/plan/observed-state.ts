import { printable, shortened } from '../../lib/text.ts';
import { expectedServices } from '../decky.ts';
import type { ObservedState } from '../state.ts';
import { answers, type Container, type ContainerMatch, isRunning } from './container-match.ts';

/** What Docker shows of one decky. */
export interface Observation {
  readonly state: ObservedState;
  /** Which container and why; null when it runs. Holds no ages: the same containers give the same words. */
  readonly reason: string | null;
  /** Some container may be in a restart loop and was not inspected: `running` is then not certain. */
  readonly unverified: boolean;
}

interface Tally {
  readonly expected: number;
  readonly seen: number;
  readonly running: number;
  readonly impaired: number;
  readonly base: 'sound' | 'impaired' | 'dead' | 'never seen';
}

/** The first rule that holds wins. @see CONTRACT.md, "Observed state of a decky" */
const rules: readonly { state: ObservedState; holds: (t: Tally) => boolean }[] = [
  { state: 'torn_down', holds: (t) => t.seen === 0 },
  { state: 'failed', holds: (t) => t.running === 0 },
  {
    state: 'degraded',
    holds: (t) => t.running < t.expected || t.impaired > 0 || t.base === 'dead' || t.base === 'impaired',
  },
];

/** @param services the decky's services, singletons included */
export function observedState(services: readonly string[], match: ContainerMatch): Observation {
  const expected = expectedServices(services);
  // A decky that expects no container of its own takes the state of its base.
  const parts: readonly Part[] =
    expected.length === 0
      ? [{ label: 'base container', container: match.base ?? undefined }]
      : expected.map((service) => ({ label: service, container: match.services.get(service) }));
  const tally = tallyOf(parts, match.base);
  const state = rules.find((rule) => rule.holds(tally))?.state ?? 'running';
  return {
    state,
    reason: state === 'running' ? null : shortened(printable(reasonFor(tally, parts, match))),
    unverified: isSuspect(match.base) || parts.some(({ container }) => isSuspect(container)),
  };
}

/** Counted in one loop: it is run for each decky of each pass. */
function tallyOf(parts: readonly Part[], base: Container | null): Tally {
  let [seen, running, impaired] = [0, 0, 0];
  for (const { container } of parts) {
    if (container === undefined) continue;
    seen += 1;
    if (!answers(container)) continue;
    running += 1;
    if (faultOf(container) !== null) impaired += 1;
  }
  return { expected: parts.length, seen, running, impaired, base: baseOf(base) };
}

const isSuspect = (container: Container | null | undefined): boolean => container?.loop.kind === 'suspect';

interface Part {
  readonly label: string;
  readonly container: Container | undefined;
}

function baseOf(base: Container | null): Tally['base'] {
  if (base === null) return 'never seen';
  if (!answers(base)) return 'dead';
  return faultOf(base) === null ? 'sound' : 'impaired';
}

/** Why this container does not count as sound; null: it does. */
function faultOf(container: Container): string | null {
  if (container.loop.kind === 'loop') return 'restart loop';
  if (container.state === 'exited' || container.state === 'dead') {
    return container.exitCode === null ? container.state : `${container.state}, code ${container.exitCode}`;
  }
  if (!isRunning(container)) return container.state;
  return container.unhealthy ? 'unhealthy' : null;
}

/** An engine may list any number of containers of services that nobody knows. */
const straysNamed = 20;

function reasonFor(tally: Tally, parts: readonly Part[], match: ContainerMatch): string {
  const faults =
    tally.seen === 0
      ? ['no container']
      : parts.flatMap(({ label, container }) => {
          const fault = container === undefined ? 'no container' : faultOf(container);
          return fault === null ? [] : [`${label}: ${fault}`];
        });
  const base = match.base !== null && parts[0]?.container !== match.base ? faultOf(match.base) : null;
  if (base !== null) faults.push(`base container: ${base}`);
  const strays = [...new Set(match.strays.map((stray) => stray.service ?? stray.name))].sort();
  if (strays.length > 0) {
    const more = strays.length - straysNamed;
    faults.push(
      `not in the file: ${strays.slice(0, straysNamed).join(', ')}${more > 0 ? ` and ${more} more` : ''}`,
    );
  }
  return faults.join('; ');
}
