import { printable, shortened } from '../../lib/text.ts';
import { expectedServices } from '../decky.ts';
import type { ObservedState } from '../state.ts';
import type { Cause } from './cause.ts';
import { answers, type Container, type ContainerMatch } from './container-match.ts';
import { portsInWords } from './ports.ts';

/** What Docker shows of one decky. */
export interface Observation {
  readonly state: ObservedState;
  /** Which container and why; null when it runs. Holds no ages: the same containers give the same words. */
  readonly reason: string | null;
  /** The first fault that the reason names; null when it runs. */
  readonly cause: Cause | null;
  /** What some container may have, since it was not inspected: `running` is then not certain. */
  readonly doubt: 'none' | 'restart loop' | 'network';
}

interface Tally {
  readonly expected: number;
  readonly found: number;
  readonly running: number;
  readonly impaired: number;
  readonly base: 'sound' | 'impaired' | 'dead' | 'missing';
}

/** The first rule that holds wins. @see CONTRACT.md, "Observed state of a decky" */
const rules: readonly { state: ObservedState; holds: (t: Tally) => boolean }[] = [
  { state: 'torn_down', holds: (t) => t.found === 0 },
  { state: 'failed', holds: (t) => t.running === 0 },
  {
    state: 'degraded',
    holds: (t) => t.running < t.expected || t.impaired > 0 || t.base === 'dead' || t.base === 'impaired',
  },
];

const none: ReadonlySet<string> = new Set();

/**
 * @param services the decky's services, singletons included
 * @param silent those on whose ports nothing listens
 */
export function observedState(
  services: readonly string[],
  match: ContainerMatch,
  silent: ReadonlySet<string> = none,
): Observation {
  const expected = expectedServices(services);
  // A decky that expects no container of its own takes the state of its base.
  const parts: readonly Part[] =
    expected.length === 0
      ? [{ service: null, container: match.base ?? undefined, isSilent: false }]
      : expected.map((service) => ({
          service,
          container: match.services.get(service),
          isSilent: silent.has(service),
        }));
  const tally = tallyOf(parts, match.base);
  const state = rules.find((rule) => rule.holds(tally))?.state ?? 'running';
  const faults = state === 'running' ? [] : faultsOf(tally, parts, match);
  return {
    state,
    reason: state === 'running' ? null : shortened(printable(reasonFor(faults, match))),
    cause: causeOf(faults),
    doubt: doubtOf([match.base, ...parts.map(({ container }) => container)]),
  };
}

/** Counted in one loop: it is run for each decky of each pass. */
function tallyOf(parts: readonly Part[], base: Container | null): Tally {
  let [found, running, impaired] = [0, 0, 0];
  for (const { container, isSilent } of parts) {
    if (container === undefined) continue;
    found += 1;
    if (!answers(container) || isSilent) continue;
    running += 1;
    if (containerFault(container) !== null) impaired += 1;
  }
  return { expected: parts.length, found, running, impaired, base: baseOf(base) };
}

function doubtOf(containers: readonly (Container | null | undefined)[]): Observation['doubt'] {
  if (containers.some((container) => container?.network === 'unverified')) return 'network';
  return containers.some((container) => container?.loop.kind === 'suspect') ? 'restart loop' : 'none';
}

/** A container that the decky should have. */
interface Part {
  /** Null: the base container. */
  readonly service: string | null;
  readonly container: Container | undefined;
  /** Whether it runs, and nothing listens on its service's ports. */
  readonly isSilent: boolean;
}

function baseOf(base: Container | null): Tally['base'] {
  if (base === null) return 'missing';
  if (!answers(base)) return 'dead';
  return containerFault(base) === null ? 'sound' : 'impaired';
}

/** What is wrong with a container. */
interface Fault extends Omit<Cause, 'service'> {
  /** The ports that it is about. */
  readonly ports?: string;
  /** What else helps, in words. */
  readonly advice?: string;
}

const noContainer: Fault = { state: 'no container', exitCode: null };

/** Why this container does not count as sound; null: it does. */
function containerFault(container: Container): Fault | null {
  const { name, state, exitCode, loop, unhealthy, network, startedBeforeBase } = container;
  if (state === 'running' && network === 'cut off')
    return { state: 'cut off from its network', exitCode: null };
  if (loop.kind === 'loop') return { state: 'restart loop', exitCode: null };
  if (startedBeforeBase)
    return { state, exitCode, advice: `Docker started it before its base; docker start ${name}` };
  if (state === 'exited' || state === 'dead') return { state, exitCode };
  if (state !== 'running') return { state, exitCode: null };
  return unhealthy ? { state: 'unhealthy', exitCode: null } : null;
}

const silentFault = (service: string): Fault => ({
  state: 'nothing listens',
  exitCode: null,
  ports: portsInWords(service),
});

/** A fault, and which container has it; the label is null where there is no container at all. */
interface LabelledFault extends Fault {
  readonly service: string | null;
  readonly label: string | null;
}

const base = 'base container';

function faultsOf(tally: Tally, parts: readonly Part[], match: ContainerMatch): readonly LabelledFault[] {
  const ofParts: readonly LabelledFault[] =
    tally.found === 0
      ? [{ ...noContainer, service: null, label: null }]
      : parts.flatMap(({ service, container, isSilent }) => {
          const fault =
            isSilent && service !== null
              ? silentFault(service)
              : container === undefined
                ? noContainer
                : containerFault(container);
          return fault === null ? [] : [{ ...fault, service, label: service ?? base }];
        });
  const ofBase =
    match.base !== null && parts[0]?.container !== match.base ? containerFault(match.base) : null;
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
    ({ label, state, exitCode, ports, advice }) =>
      `${label === null ? '' : `${label}: `}${state}${ports === undefined ? '' : ` on ${ports}`}${exitCode === null ? '' : `, code ${exitCode}`}${
        advice === undefined ? '' : ` (${advice})`
      }`,
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
