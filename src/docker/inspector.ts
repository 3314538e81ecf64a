import type { Container } from '../fleet/plan/container-match.ts';
import { isObject, property } from '../lib/json.ts';
import { forEachInSlices } from '../lib/slices.ts';
import { containerOf, type Listed } from './listed.ts';
import type { Base } from './listening.ts';
import { type Inspected, inspectedOf, notStarted } from './listing.ts';
import { type Answer, Networks, type Suspect, suspectOf } from './networks.ts';
import { type Client, eachOf, inspection, Refusal } from './request.ts';

/** @see CONTRACT.md, "Observed state of a decky" */
const inspectedAtMost = 200;
/** Of these, those that are suspects only because the listing shows their age in minutes or hours. */
const doubtfulAtMost = 25;
/** After this many times the limit of one inspection no more begin: an engine that answers late delays a pass this long. */
const limitsAtMost = 2;

export interface Inspection {
  /** Whether the listing has all containers of the engine. */
  readonly isWhole: boolean;
  /** Selects the suspects to inspect when there are more than one pass may inspect. */
  readonly generation: number;
  /** The engine's clock, epoch seconds. */
  now(): number;
  /** Whether the processes of base containers are wanted. */
  readonly wantsBases: boolean;
}

export interface Completed {
  readonly containers: readonly Container[];
  /** The base containers that run with services; empty unless they are wanted. */
  readonly bases: readonly Base[];
}

/**
 * Completes a listing by inspections of the containers about which it does not show enough: those that may be in a restart
 * loop, those whose network may have been replaced, and those that ended before they began. Starts are remembered.
 */
export function inspector(client: Client, withinMs: number) {
  /** What was inspected, by the container's id. */
  const remembered = new Map<string, Inspected>();

  const complete = async (listed: readonly Listed[], about: Inspection): Promise<Completed> => {
    const answers = new Map<string, Answer>();
    const networks = new Networks(about.isWhole, answers, remembered);
    const ask = (suspect: Suspect): Promise<Answer | null> => inspected(client, suspect, withinMs, about.now);
    const inspect = inspections(ask, withinMs, about, answers, remembered);
    const suspects: Suspect[] = [];
    await forEachInSlices(listed, (one) => {
      networks.add(one);
      if (isSuspect(one, remembered)) suspects.push(suspectOf(one));
    });
    await networks.settle();
    const { certain, doubtful } = await networks.ownersToInspect();
    await inspect([...suspects, ...certain]);
    await inspect(shareOf(doubtful, doubtfulAtMost, about.generation).map(suspectOf));
    await inspect(await networks.membersToInspect());
    if (about.wantsBases) await inspect(networks.basesToInspect());

    await networks.complete();
    const containers: Container[] = [];
    await forEachInSlices(listed, (one) => containers.push(completed(one, answers, remembered)));
    return { containers, bases: about.wantsBases ? networks.bases() : [] };
  };
  return {
    complete,
    /** Forgets what is not true any more, so that the next pass inspects these containers again. */
    forget: (ids: readonly string[]) => {
      for (const id of ids) remembered.delete(id);
    },
  };
}

/** Whether a container may be in a restart loop, or may have been started before its base. */
const isSuspect = (one: Listed, remembered: ReadonlyMap<string, Inspected>): boolean =>
  one.loop.kind === 'suspect' ||
  // What was inspected before does not say why it could not be started later.
  (hasNotJoined(one) && (remembered.get(one.id)?.startedBeforeBase ?? null) === null);

const hasNotJoined = ({ container: { state, exitCode } }: Listed): boolean =>
  state === 'exited' && exitCode === notStarted;

function completed(
  one: Listed,
  answers: ReadonlyMap<string, Answer>,
  remembered: ReadonlyMap<string, Inspected>,
): Container {
  if (one.loop.kind === 'suspect') {
    const answer = answers.get(one.id);
    if (answer !== undefined && answer !== 'gone') one.loop = answer.loop;
  }
  if (hasNotJoined(one)) one.startedBeforeBase = remembered.get(one.id)?.startedBeforeBase === true;
  return containerOf(one);
}

/** Those that this pass inspects: each pass begins further on, so that later passes inspect the rest. */
function shareOf<T>(all: readonly T[], atMost: number, generation: number): readonly T[] {
  if (all.length <= atMost) return all;
  const from = (generation * atMost) % all.length;
  return [...all.slice(from, from + atMost), ...all.slice(0, Math.max(0, from + atMost - all.length))];
}

/** Inspects containers, as many as a pass may, and puts the answers into `answers` and `remembered`. */
function inspections(
  ask: (suspect: Suspect) => Promise<Answer | null>,
  withinMs: number,
  about: Inspection,
  answers: Map<string, Answer>,
  remembered: Map<string, Inspected>,
) {
  let left = inspectedAtMost;
  const until = performance.now() + limitsAtMost * withinMs;
  return async (suspects: readonly Suspect[]): Promise<void> => {
    const unknown = [...new Map(suspects.map((one) => [one.id, one])).values()].filter(
      ({ id }) => !answers.has(id),
    );
    const chosen = shareOf(unknown, left, about.generation);
    left -= chosen.length;
    await eachOf(chosen, async (suspect) => {
      if (performance.now() > until) return;
      const answer = await ask(suspect);
      if (answer === null) return;
      answers.set(suspect.id, answer);
      if (answer !== 'gone') remembered.set(suspect.id, answer);
    });
  };
}

/**
 * Inspects a container by its name, or by its id if it has been renamed since the listing.
 * @returns null: the answer is late or of another kind, so a later pass inspects the container again
 */
async function inspected(
  client: Client,
  { id, name }: Suspect,
  withinMs: number,
  now: () => number,
): Promise<Answer | null> {
  const signal = AbortSignal.timeout(withinMs);
  for (const as of new Set(name === null ? [id] : [name, id])) {
    try {
      const json = await client.json(inspection(as), signal);
      // Another container may have got the name since.
      const found = isObject(json) ? property(json, 'Id') : undefined;
      return as !== id && found !== undefined && found !== id ? 'gone' : inspectedOf(json, now());
    } catch (error) {
      if (!(error instanceof Refusal && error.status === 404)) return null;
    }
  }
  return 'gone';
}
