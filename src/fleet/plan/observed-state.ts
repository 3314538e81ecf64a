import { printable, shortened } from '../../lib/text.ts';
import { expectedServices } from '../decky.ts';
import type { ObservedState } from '../state.ts';
import type { Cause } from './cause.ts';
import { answers, type Container, type ContainerMatch } from './container-match.ts';

/** What Docker shows of one decky. */
export interface Observation {
  readonly state: ObservedState;
  /** Which container and why; null when it runs. Holds no ages: the same containers give the same words. */
  readonly reason: string | null;
  /** The first fault that the reason names; null when it runs. */
  readonly cause: Cause | null;
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
      ? [{ service: null, container: match.base ?? undefined }]
      : expected.map((service) => ({ service, container: match.services.get(service) }));
  const tally = tallyOf(parts, match.base);
  const state = rules.find((rule) => rule.holds(tally))?.state ?? 'running';
  const faults = state === 'running' ? [] : faultsOf(tally, parts, match);
  return {
    state,
    reason: state === 'running' ? null : shortened(printable(reasonFor(faults, match))),
    cause: causeOf(faults),
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

/** A container that the decky should have. */
interface Part {
  /** Null: the base container. */
  readonly service: string | null;
  readonly container: Container | undefined;
}

function baseOf(base: Container | null): Tally['base'] {
  if (base === null) return 'never seen';
  if (!answers(base)) return 'dead';
  return faultOf(base) === null ? 'sound' : 'impaired';
}

/** What is wrong with a container. */
type Fault = Omit<Cause, 'service'>;

const noContainer: Fault = { state: 'no container', exitCode: null };

/** Why this container does not count as sound; null: it does. */
function faultOf({ state, exitCode, loop, unhealthy }: Container): Fault | null {
  if (loop.kind === 'loop') return { state: 'restart loop', exitCode: null };
  if (state === 'exited' || state === 'dead') return { state, exitCode };
  if (state !== 'running') return { state, exitCode: null };
  return unhealthy ? { state: 'unhealthy', exitCode: null } : null;
}

/** A fault, and which container has it; the label is null where there is no container at all. */
interface LabelledFault extends Cause {
  readonly label: string | null;
}

const base = 'base container';

function faultsOf(tally: Tally, parts: readonly Part[], match: ContainerMatch): readonly LabelledFault[] {
  const ofParts: readonly LabelledFault[] =
    tally.seen === 0
      ? [{ ...noContainer, service: null, label: null }]
      : parts.flatMap(({ service, container }) => {
          const fault = container === undefined ? noContainer : faultOf(container);
          return fault === null ? [] : [{ ...fault, service, label: service ?? base }];
        });
  const ofBase = match.base !== null && parts[0]?.container !== match.base ? faultOf(match.base) : null;
  return ofBase === null ? ofParts : [...ofParts, { ...ofBase, service: null, label: base }];
}

/** Characters. A row that another program wrote may name services of any length. */
const longestService = 128;
const longestState = 64;

const causeOf = ([first]: readonly LabelledFault[]): Cause | null =>
  first === undefined
    ? null
    : {
        service: first.service === null ? null : shortened(printable(first.service), longestService),
        state: shortened(printable(first.state), longestState),
        exitCode: first.exitCode,
      };

/** An engine may list any number of containers of unknown services. */
const straysNamed = 20;

/** The faults in words, and the containers that the file does not declare. */
function reasonFor(faults: readonly LabelledFault[], match: ContainerMatch): string {
  const words = faults.map(
    ({ label, state, exitCode }) =>
      `${label === null ? '' : `${label}: `}${state}${exitCode === null ? '' : `, code ${exitCode}`}`,
  );
  const strays = [...new Set(match.strays.map((stray) => stray.service ?? stray.name))].sort();
  if (strays.length > 0) {
    const more = strays.length - straysNamed;
    words.push(
      `not in the file: ${strays.slice(0, straysNamed).join(', ')}${more > 0 ? ` and ${more} more` : ''}`,
    );
  }
  return words.join('; ');
}
