import { expectedServices } from '../decky.ts';
import { type Container, type ContainerMatch, isRunning, keepBetter } from './container-match.ts';

/** The services that a decky got from a rotation, which the state file does not show. */
export interface Rotation {
  readonly services: readonly string[];
  /** The services in the file at that time. When the file changes them, the rotation is over. */
  readonly declared: readonly string[];
  /** Whether DECNET said so, or only the containers. */
  readonly isReported: boolean;
}

interface RotationFacts {
  readonly declared: readonly string[];
  /** The rotation that is remembered; null: none, or the file has changed the services since. */
  readonly before: Rotation | null;
  readonly base: Container | null;
  /** The decky's containers by service, those of other services included. */
  readonly containers: ReadonlyMap<string, Container>;
}

type ServicesSource = 'declared' | 'before' | 'observed';

const runs = (service: string, { containers }: RotationFacts): boolean => {
  const container = containers.get(service);
  return container !== undefined && isRunning(container);
};
const allRun = (services: readonly string[], facts: RotationFacts): boolean => {
  const expected = expectedServices(services);
  return expected.length > 0 && expected.every((service) => runs(service, facts));
};
/** Whether all services of the file run. If it expects none, nothing of a rotation may be left. */
const fileRuns = (facts: RotationFacts): boolean => {
  const { declared, before, base, containers } = facts;
  if (expectedServices(declared).length > 0) return allRun(declared, facts);
  return (
    base !== null && isRunning(base) && before?.services.some((service) => containers.has(service)) !== true
  );
};
const isMissing = (service: string, { containers }: RotationFacts): boolean => !containers.has(service);

/** Which services the decky has. The first rule that holds wins. @see CONTRACT.md, "A living host", d */
const rules: readonly { readonly has: ServicesSource; holds(facts: RotationFacts): boolean }[] = [
  // The file's own services are back, and the rotation has not added any to them.
  {
    has: 'declared',
    holds: (facts) =>
      fileRuns(facts) && !(facts.before !== null && isMore(facts.before.services, facts.declared)),
  },
  {
    has: 'before',
    holds: (facts) => facts.before?.isReported === true && allRun(facts.before.services, facts),
  },
  { has: 'declared', holds: fileRuns },
  { has: 'observed', holds: isRotatedNow },
  {
    has: 'before',
    holds: ({ before, declared, containers }) =>
      before !== null &&
      (before.services.some((service) => !declared.includes(service) && containers.has(service)) ||
        !declared.some((service) => !before.services.includes(service) && containers.has(service))),
  },
];

/** Without a message the containers tell it: some are missing without a trace, and others run beside a sound base. */
function isRotatedNow(facts: RotationFacts): boolean {
  const { declared, before, base, containers } = facts;
  const isOneMissing = expectedServices(declared).some((service) => isMissing(service, facts));
  if (base === null || !isRunning(base) || !isOneMissing) return false;
  const others = [...containers].filter(
    ([service]) =>
      !declared.includes(service) && !(before?.isReported === true && before.services.includes(service)),
  );
  return (
    others.length > 0 &&
    [...containers.values()].every(isRunning) &&
    others.every(([, { network, owner }]) => network !== 'own' && owner === base.name)
  );
}

const isMore = (services: readonly string[], than: readonly string[]): boolean =>
  services.length > than.length && than.every((service) => services.includes(service));

/**
 * The services that a decky has now, and the rotation to remember.
 * @param match the decky's containers by the services of the file; null: Docker did not answer
 */
export function rotationOf(
  declared: readonly string[],
  match: ContainerMatch | null,
  remembered: Rotation | undefined,
): Rotation | null {
  const isOver = remembered === undefined || !sameList(remembered.declared, declared);
  // DECNET may also rotate a decky to the services of the file.
  const before = isOver || sameServices(remembered.services, declared) ? null : remembered;
  if (match === null) return before;
  // Most deckies: nothing remembered, and no container of another service.
  if (before === null && match.strays.length === 0) return null;
  const containers = new Map(match.services);
  for (const stray of match.strays) if (stray.service !== null) keepBetter(containers, stray.service, stray);
  const facts: RotationFacts = { declared, before, base: match.base, containers };
  const has = rules.find(({ holds }) => holds(facts))?.has ?? 'declared';
  if (has === 'declared') return null;
  if (has === 'before') return before;
  const expected = new Set(expectedServices(declared));
  const withoutContainer = declared.filter((service) => !expected.has(service));
  return { services: [...containers.keys(), ...withoutContainer].sort(), declared, isReported: false };
}

const sameServices = (one: readonly string[], other: readonly string[]): boolean =>
  new Set(one).symmetricDifference(new Set(other)).size === 0;

const sameList = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((item, at) => item === other[at]);
