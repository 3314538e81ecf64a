import { textsOf } from '../../lib/json.ts';
import { atOnce, isPause, type Steps } from '../../lib/steps.ts';
import type { Decky } from '../decky.ts';
import { type Desired, deckiesByName } from '../desired.ts';
import { graceAllows } from '../state.ts';
import { type Change, contentReason, type Held, type Plan } from './change.ts';
import {
  type Container,
  type ContainerMatch,
  type Known,
  matchContainersInSteps,
} from './container-match.ts';
import { contentChanges } from './content.ts';
import { contested } from './contested.ts';
import type { Facts, Row } from './facts.ts';
import { type HeldNote, type LeftNote, mergeMemory } from './memory.ts';
import { type Observation, observedState } from './observed-state.ts';

/** What to do, and why: the rules of CONTRACT.md ("Rules of a pass"), in one place and without any I/O. */
export const plan = (facts: Facts): Plan => atOnce(planInSteps(facts));

export function* planInSteps(facts: Facts): Steps<Plan> {
  const inScope = (name: string): boolean => facts.only === null || facts.only.has(name);
  const desired = deckiesByName(facts.desired);
  const matchOf = yield* lookUp(facts, desired);

  const changes: Change[] = [];
  const held: Held[] = [];
  const left = new Map<string, LeftNote>();
  const heldNotes = new Map<string, HeldNote>();
  const requeueAfter = new Map<string, number>();

  const recorded = new Set<string>();
  for (const [at, row] of facts.recorded.entries()) {
    if (isPause(at)) yield;
    recorded.add(row.name);
    if (!inScope(row.name)) continue;
    const decky = desired.get(row.name);
    const match = matchOf?.(row.name);
    const services = decky?.services ?? textsOf(row.services);
    const seen = match === undefined ? null : observedState(services, match);
    const grace = graceOf(row, facts, seen);
    const verdict = judge({ row, decky, match, seen, grace, facts });

    if (verdict.change !== null) changes.push(verdict.change);
    if (verdict.held !== null) {
      held.push({ name: row.name, reason: verdict.held.inWords });
      const since = facts.memory.held.get(row.name)?.since ?? facts.now;
      heldNotes.set(row.name, { reason: verdict.held.reason, since });
    }
    if (grace.note !== null) left.set(row.name, grace.note);
    if (verdict.held !== null && grace.endsIn !== null) soonest(requeueAfter, row.name, grace.endsIn);
    if (match !== undefined) soonest(requeueAfter, row.name, loopEndsIn(match));
  }

  let at = 0;
  for (const name of facts.only ?? desired.keys()) {
    if (isPause(at++)) yield;
    const decky = desired.get(name);
    if (decky === undefined || recorded.has(name)) continue;
    const match = matchOf?.(decky.name);
    changes.push(insert(decky, match === undefined ? null : observedState(decky.services, match)));
    if (match !== undefined) soonest(requeueAfter, decky.name, loopEndsIn(match));
  }

  const disputes = disputesOf(facts, changes, inScope);
  const memory = { held: heldNotes, left, contested: disputes };
  return {
    changes,
    held,
    contested: [...disputes.keys()].sort(),
    memory: mergeMemory(facts.memory, memory, facts.only),
    requeueAfter,
  };
}

/** Null when Docker did not answer: nothing is known, and nothing is guessed. */
function* lookUp(
  facts: Facts,
  desired: ReadonlyMap<string, Decky>,
): Steps<((name: string) => ContainerMatch) | null> {
  if (facts.observed.kind === 'unreachable') return null;
  const known = yield* knownServicesInSteps(desired, facts.recorded);
  return yield* matchContainersInSteps(facts.observed.containers, known);
}

/** The services of each decky: as the file declares them, else as they are recorded. */
export function* knownServicesInSteps(
  desired: ReadonlyMap<string, Decky>,
  recorded: readonly Row[],
): Steps<Known> {
  const undeclared = new Map<string, readonly string[]>();
  for (const [at, row] of recorded.entries()) {
    if (isPause(at)) yield;
    if (!desired.has(row.name)) undeclared.set(row.name, textsOf(row.services));
  }
  return { get: (name) => desired.get(name)?.services ?? undeclared.get(name) };
}

interface Case {
  readonly row: Row;
  readonly decky: Decky | undefined;
  readonly match: ContainerMatch | undefined;
  readonly seen: Observation | null;
  readonly grace: Grace;
  readonly facts: Facts;
}

interface Verdict {
  readonly change: Change | null;
  readonly held: Withheld | null;
}

/** Why something was not done: once as it is noted, once as people read it now. */
interface Withheld {
  readonly reason: string;
  readonly inWords: string;
}

function judge(it: Case): Verdict {
  const { row, decky, facts } = it;
  if (decky === undefined && facts.desired.kind !== 'invalid') {
    const kept = keptBecause(it);
    if (kept === null) return { change: remove(row, facts.desired), held: null };
    return { change: move(it).change, held: kept };
  }
  const moved = move(it);
  // Without a valid file there is no content to compare: only states are taken. @see CONTRACT.md, rule 7
  const changed = decky === undefined ? [] : contentChanges(row, decky);
  if (decky === undefined || changed.length === 0) return moved;
  if (it.grace.left) return { change: moved.change, held: writersOwn(it) };
  const content = { content: decky, changed };
  if (moved.change?.action === 'state') return { change: { ...moved.change, ...content }, held: null };
  const kept = moved.change ?? keep(row);
  return { change: { ...kept, ...content, action: 'config', reason: contentReason(changed) }, held: null };
}

/** Rule 3: why a row that the file does not declare is kept; null: it is not. */
function keptBecause(it: Case): Withheld | null {
  const { desired } = it.facts;
  if (it.grace.left) return writersOwn(it);
  const tornDown = desired.kind === 'absent' || (desired.kind === 'declared' && desired.deckies.size === 0);
  if (!tornDown) return null;
  const where = desired.kind === 'absent' ? 'the file is absent' : 'the file declares no decky of this host';
  if (it.match === undefined) return same(`${where} and Docker does not answer`);
  return it.match.anyRuns ? same(`${where}, but its containers still run`) : null;
}

/** Rule 4: the row takes the observed state, as far as the grace allows. */
function move(it: Case): Verdict {
  const { row, seen, grace } = it;
  const nothing: Verdict = { change: null, held: null };
  if (seen === null || isStillOpen(row, seen)) return nothing;
  if (seen.state === row.state && seen.reason === row.lastError) return nothing;
  if (grace.left && !graceAllows({ from: row.state, to: seen.state, ran: grace.ran })) {
    return seen.state === row.state ? nothing : { change: null, held: writersOwn(it) };
  }
  const taken = { ...keep(row), to: seen.state, lastError: seen.reason };
  const reason = seen.reason ?? 'all its containers run';
  return { change: { ...taken, action: seen.state === row.state ? 'reason' : 'state', reason }, held: null };
}

/** A degraded decky whose containers were not all inspected is not called running on half the evidence. */
const isStillOpen = (row: Row, seen: Observation): boolean =>
  seen.unverified && seen.state === 'running' && row.state === 'degraded';

const keep = (row: Row): Omit<Change, 'action' | 'reason'> => ({
  name: row.name,
  from: row.state,
  to: row.state,
  lastError: row.lastError,
  content: null,
  changed: [],
});

const remove = (row: Row, desired: Desired): Change => ({
  ...keep(row),
  action: 'delete',
  to: null,
  reason:
    desired.kind === 'absent' ? 'the file is absent and no container of it runs' : 'not in the file any more',
});

/** Rule 2. @param seen null: Docker did not answer */
const insert = (decky: Decky, seen: Observation | null): Change => ({
  action: 'insert',
  name: decky.name,
  from: null,
  to: seen?.state ?? 'pending',
  reason: seen === null ? 'new in the file; Docker does not answer' : (seen.reason ?? 'new in the file'),
  lastError: seen?.reason ?? null,
  content: decky,
  changed: [],
});

/** How far a row is left to the program that wrote it. */
interface Grace {
  readonly left: boolean;
  /** It was seen running since that write: its state is ours again. */
  readonly ran: boolean;
  /** Milliseconds until it is left no longer. */
  readonly endsIn: number | null;
  readonly note: LeftNote | null;
}

/** @see CONTRACT.md, rule 4, Grace */
function graceOf(row: Row, { now, graceSeconds, memory }: Facts, seen: Observation | null): Grace {
  const lengthMs = graceSeconds * 1000;
  const noted = memory.left.get(row.name);
  // After our own write the row is still one that the other program wrote: its content stays the writer's.
  const writtenAt = row.ours ? noted?.writtenAt : row.writtenAt;
  if (writtenAt === undefined || Math.abs(now - writtenAt) >= lengthMs) {
    return { left: false, ran: true, endsIn: null, note: null };
  }
  const since = noted?.since ?? now;
  const ranBefore = noted?.ran === true && noted.writtenAt === writtenAt;
  return {
    left: now - since < lengthMs,
    ran: ranBefore,
    endsIn: Math.max(0, Math.min(writtenAt, since) + lengthMs - now),
    note: { since, writtenAt, ran: ranBefore || seen?.state === 'running' },
  };
}

function writersOwn({ grace, facts }: Case): Withheld {
  const reason = `written by another process (grace ${facts.graceSeconds} s)`;
  if (grace.note === null) return same(reason);
  const age = Math.max(0, Math.round((facts.now - grace.note.writtenAt) / 1000));
  return { reason, inWords: `written by another process ${age} s ago (grace ${facts.graceSeconds} s)` };
}

const same = (reason: string): Withheld => ({ reason, inWords: reason });

/** The contested rows, the changes of this plan counted in. */
function disputesOf(
  facts: Facts,
  changes: readonly Change[],
  inScope: (name: string) => boolean,
): ReadonlyMap<string, HeldNote> {
  // A row without former transitions cannot be contested.
  const lively = new Set(facts.recentTransitions.map(({ name }) => name));
  const planned = changes
    .filter(({ name, from, to }) => lively.has(name) && from !== to)
    .map(({ name, from, to }) => ({ name, from, to, at: facts.now }));
  const found = [...contested([...facts.recentTransitions, ...planned], facts.now)].filter(([name]) =>
    inScope(name),
  );
  return new Map(
    found.map(([name, reason]) => [
      name,
      { reason, since: facts.memory.contested.get(name)?.since ?? facts.now },
    ]),
  );
}

/** Milliseconds until the last window of a restart loop ends; null: no loop, or one that Docker will tell about. */
function loopEndsIn({ base, services }: ContainerMatch): number | null {
  let last: number | null = base === null ? null : windowOf(base);
  for (const container of services.values()) {
    const endsIn = windowOf(container);
    if (endsIn !== null) last = Math.max(last ?? 0, endsIn);
  }
  return last;
}

const windowOf = ({ loop }: Container): number | null =>
  loop.kind === 'loop' && loop.endsIn !== null ? loop.endsIn * 1000 : null;

function soonest(requeueAfter: Map<string, number>, name: string, inMs: number | null): void {
  if (inMs !== null) requeueAfter.set(name, Math.min(inMs, requeueAfter.get(name) ?? inMs));
}
