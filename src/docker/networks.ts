import { isCutOff, type NetworkOwner, type TimeSpan } from '../fleet/plan/cut-off.ts';
import { withItem } from '../lib/short-list.ts';
import { forEachInSlices } from '../lib/slices.ts';
import type { Listed } from './listed.ts';
import type { Base } from './listening.ts';
import type { Inspected } from './listing.ts';

/** `gone`: the container does not exist. */
export type Answer = Inspected | 'gone';

/** A container to inspect. */
export interface Suspect {
  readonly id: string;
  /** Null: it is not listed. */
  readonly name: string | null;
}

export const suspectOf = ({ id, container }: Listed): Suspect => ({ id, name: container.name });

/** A container whose network others use. */
interface Shared {
  /** Its id, or its name, as their network mode has it. */
  readonly owner: string;
  /** The owner; undefined: it is not listed, or not looked up yet. */
  base: Listed | undefined;
  /** The running containers that use it. */
  members: Listed[];
}

/** The networks that containers share. */
export class Networks {
  readonly #isWhole: boolean;
  readonly #answers: ReadonlyMap<string, Answer>;
  readonly #remembered: Map<string, Inspected>;
  /** Those that have a network of their own, which others can join. */
  readonly #byId = new Map<string, Listed>();
  /** Null: not needed yet. */
  #byName: ReadonlyMap<string, Listed> | null = null;
  readonly #others: Listed[] = [];
  readonly #shared = new Map<string, Shared>();
  /** That of the last container: neighbours in the listing are mostly of one decky. */
  #last: Shared | null = null;
  /** Whether all containers are known by their ids. */
  #hasIds = true;

  constructor(isWhole: boolean, answers: ReadonlyMap<string, Answer>, remembered: Map<string, Inspected>) {
    this.#isWhole = isWhole;
    this.#answers = answers;
    this.#remembered = remembered;
  }

  add(one: Listed): void {
    if (one.owner === null) {
      this.#byId.set(one.id, one);
      if (one.id === one.container.name) this.#hasIds = false;
    } else {
      this.#others.push(one);
      if (one.container.state !== 'running') return;
      const shared = this.#sharedOf(one.owner);
      shared.members = withItem(shared.members, one);
    }
  }

  #sharedOf(owner: string): Shared {
    if (this.#last?.owner === owner) return this.#last;
    const shared = this.#shared.get(owner) ?? { owner, base: undefined, members: [] };
    if (shared.members.length === 0) this.#shared.set(owner, shared);
    this.#last = shared;
    return shared;
  }

  /** `certain`: containers that were started again, or are missing in a partial listing; `doubtful`: may have been. */
  async ownersToInspect(): Promise<{
    readonly certain: readonly Suspect[];
    readonly doubtful: readonly Listed[];
  }> {
    const certain: Suspect[] = [];
    const doubtful: Listed[] = [];
    await forEachInSlices(this.#shared.values(), ({ owner, base }) => {
      if (base === undefined) {
        if (!this.#isWhole) certain.push({ id: owner, name: null });
      } else if (base.started !== null && this.#exactly(base) === null) {
        if (wasStartedAgain(base)) certain.push(suspectOf(base));
        else doubtful.push(base);
      }
    });
    return { certain, doubtful };
  }

  /** Containers whose own starts decide whether they are cut off. */
  async membersToInspect(): Promise<readonly Suspect[]> {
    const found: Suspect[] = [];
    await forEachInSlices(this.#shared.values(), ({ owner, base, members }) => {
      const known = this.#ownerOf(owner, base);
      for (const one of members) if (this.#isCutOff(one, known) === null) found.push(suspectOf(one));
    });
    return found;
  }

  /** Base containers whose processes are not known. */
  basesToInspect(): readonly Suspect[] {
    return [...this.#joinedBases()]
      .filter(([base]) => this.#exactly(base) === null)
      .map(([base]) => suspectOf(base));
  }

  bases(): readonly Base[] {
    return this.#joinedBases().map(([base, services]) => {
      const known = this.#exactly(base);
      return {
        id: base.id,
        name: base.container.name,
        pid: known === null ? 'later' : known.pid,
        services: services.includes(null) ? null : services.filter((service) => service !== null),
      };
    });
  }

  /** The running containers whose network those of deckies use, and the services of these. */
  #joinedBases(): readonly (readonly [base: Listed, services: readonly (string | null)[]])[] {
    const found = new Map<Listed, (string | null)[]>();
    for (const { base, members } of this.#shared.values()) {
      if (base?.container.state !== 'running') continue;
      const services = members
        .filter(
          ({ container }) => !container.isOfTopology && (container.decky !== null || container.isOfDecnet),
        )
        .map(({ container }) => container.service);
      // Some may name it by its id, and others by its name.
      if (services.length > 0) found.set(base, [...(found.get(base) ?? []), ...services]);
    }
    return [...found];
  }

  /** Call this when all are added: looks up the owners, and forgets the containers that do not exist any more. */
  async settle(): Promise<void> {
    await forEachInSlices(this.#shared.values(), (shared) => {
      shared.base = this.#listed(shared.owner);
    });
    this.#forgetOthers();
  }

  #forgetOthers(): void {
    if (!this.#isWhole) return;
    const unknown = [...this.#remembered.keys()].filter((id) => !this.#byId.has(id));
    if (unknown.length === 0) return;
    const others = new Set(this.#others.map(({ id }) => id));
    for (const id of unknown) if (!others.has(id)) this.#remembered.delete(id);
  }

  /** Completes the running containers that use the network of another container. */
  async complete(): Promise<void> {
    await forEachInSlices(this.#shared.values(), ({ owner, base, members }) => {
      const known = this.#ownerOf(owner, base);
      const name = base?.container.name ?? null;
      for (const one of members) {
        const isCut = this.#isCutOff(one, known);
        one.network = isCut === null ? 'unverified' : isCut ? 'cut off' : 'shared';
        one.ownerName = name;
      }
    });
  }

  #listed(owner: string): Listed | undefined {
    const found = this.#byId.get(owner);
    if (found !== undefined || owner === '') return found;
    this.#byName ??= new Map([...this.#byId.values()].map((one) => [one.container.name, one]));
    return this.#byName.get(owner);
  }

  /** @param owner null: not known */
  #isCutOff(one: Listed, owner: NetworkOwner | null): boolean | null {
    if (owner === null || one.started === null) return null;
    const roughly = isCutOff(one.started, owner);
    return roughly !== null ? roughly : isCutOff(this.#exactly(one)?.started ?? one.started, owner);
  }

  /** Null: not known. */
  #ownerOf(owner: string, listed: Listed | undefined): NetworkOwner | null {
    if (listed === undefined) {
      const answer = this.#answers.get(owner);
      if (answer === undefined) return this.#isWhole && this.#hasIds ? gone : null;
      return answer === 'gone' ? gone : answer;
    }
    if (listed.started === null) return gone;
    // Without a sign that it was started again, and not inspected yet, it is not held against the others.
    return this.#exactly(listed) ?? { started: listed.started, isFirstStart: !wasStartedAgain(listed) };
  }

  /** What was inspected of a running container, if that is still true according to the listing; null: nothing. */
  #exactly({ id, started }: Listed): Inspected | null {
    const known = this.#remembered.get(id);
    if (known === undefined || known.started === null || started === null) return null;
    return overlap(known.started, started) ? known : null;
  }
}

const gone: NetworkOwner = { started: null, isFirstStart: false };

const wasStartedAgain = ({ started, container }: Listed): boolean =>
  started !== null && started.earliest > container.createdAt;

const overlap = (one: TimeSpan, other: TimeSpan): boolean =>
  one.earliest <= other.latest && other.earliest <= one.latest;
