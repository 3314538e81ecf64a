import { textsOf } from '../../lib/json.ts';
import type { Decky } from '../decky.ts';
import type { Desired } from '../desired.ts';
import { type Change, contentReason } from './change.ts';
import type { Container, ContainerMatch } from './container-match.ts';
import { contentChanges } from './content.ts';
import type { Facts, Row } from './facts.ts';
import { allowsMove, type Grace, graceOf } from './grace.ts';
import type { LeftNote } from './memory.ts';
import { type Observation, observedState } from './observed-state.ts';

/** What is known of one decky. */
export interface DeckyFacts {
  /** Null: it has no row. */
  readonly row: Row | null;
  /** Null: the file does not declare it. */
  readonly decky: Decky | null;
  /** Null: Docker did not answer. */
  readonly match: ContainerMatch | null;
}

/** What a pass does about one decky. */
export interface DeckyDecision {
  readonly change: Change | null;
  /** Why a change was not made. */
  readonly held: HoldReason | null;
  readonly left: LeftNote | null;
  /** Milliseconds after which the decky must be looked at again; null: nothing is due. */
  readonly requeueAfterMs: number | null;
}

/** Why a row is held: as the memory keeps it, the same for as long as it lasts, and as people read it now. */
interface HoldReason {
  readonly noted: string;
  readonly inWords: string;
}

interface Move {
  readonly change: Change | null;
  readonly held: HoldReason | null;
}

/** The rules of CONTRACT.md ("Rules of a pass") for one decky, without any I/O. */
export function decide({ row, decky, match }: DeckyFacts, facts: Facts): DeckyDecision {
  const loopMs = match === null ? null : loopEndsInMs(match);
  if (row === null) {
    const change = decky === null ? null : insert(decky, match && observedState(decky.services, match));
    return { change, held: null, left: null, requeueAfterMs: loopMs };
  }
  const seen = match && observedState(decky?.services ?? textsOf(row.services), match);
  const grace = graceOf(row, facts, seen);
  const { change, held } = decideRow({ row, decky, match, seen, grace, facts });
  const graceMs = held === null ? null : grace.endsIn;
  return { change, held, left: grace.note, requeueAfterMs: earlier(graceMs, loopMs) };
}

interface RowFacts extends DeckyFacts {
  readonly row: Row;
  readonly seen: Observation | null;
  readonly grace: Grace;
  readonly facts: Facts;
}

function decideRow(it: RowFacts): Move {
  const { row, decky, facts } = it;
  if (decky === null && facts.desired.kind !== 'invalid') {
    const kept = keptBecause(it);
    if (kept === null) return { change: remove(row, facts.desired), held: null };
    return { change: move(it).change, held: kept };
  }
  const moved = move(it);
  // Without a valid file there is no content to compare: only states are taken. @see CONTRACT.md, rule 7
  const changed = decky === null ? [] : contentChanges(row, decky);
  if (decky === null || changed.length === 0) return moved;
  if (it.grace.left) return { change: moved.change, held: heldForWriter(it) };
  const content = { content: decky, changed };
  if (moved.change?.action === 'state') return { change: { ...moved.change, ...content }, held: null };
  const kept = moved.change ?? keep(row);
  const change: Change = {
    ...kept,
    ...content,
    action: 'config',
    reason: contentReason(changed),
    cause: null,
  };
  return { change, held: null };
}

/** Rule 3: why a row that the file does not declare is kept; null: it is deleted. */
function keptBecause(it: RowFacts): HoldReason | null {
  const { desired } = it.facts;
  if (it.grace.left) return heldForWriter(it);
  const tornDown = desired.kind === 'absent' || (desired.kind === 'declared' && desired.deckies.size === 0);
  if (!tornDown) return null;
  const where = desired.kind === 'absent' ? 'the file is absent' : 'the file declares no decky of this host';
  if (it.match === null) return constant(`${where} and Docker does not answer`);
  return it.match.anyRuns ? constant(`${where}, but its containers still run`) : null;
}

/** Rule 4: the row takes the observed state, where the grace allows it. */
function move(it: RowFacts): Move {
  const { row, seen, grace } = it;
  const nothing: Move = { change: null, held: null };
  if (seen === null || isStillOpen(row, seen)) return nothing;
  if (seen.state === row.state && seen.reason === row.lastError) return nothing;
  if (!allowsMove(grace, row, seen)) {
    return seen.state === row.state ? nothing : { change: null, held: heldForWriter(it) };
  }
  const taken = { ...keep(row), to: seen.state, lastError: seen.reason, cause: seen.cause };
  const reason = seen.reason ?? 'all its containers run';
  return { change: { ...taken, action: seen.state === row.state ? 'reason' : 'state', reason }, held: null };
}

/** A degraded decky some of whose containers were not inspected is not called running yet. */
const isStillOpen = (row: Row, seen: Observation): boolean =>
  seen.unverified && seen.state === 'running' && row.state === 'degraded';

const keep = (row: Row): Omit<Change, 'action' | 'reason'> => ({
  name: row.name,
  from: row.state,
  to: row.state,
  cause: null,
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
  cause: seen?.cause ?? null,
  lastError: seen?.reason ?? null,
  content: decky,
  changed: [],
});

function heldForWriter({ grace, facts }: RowFacts): HoldReason {
  const noted = `written by another process (grace ${facts.graceSeconds} s)`;
  if (grace.note === null) return constant(noted);
  const ageSeconds = Math.max(0, Math.round((facts.now - grace.note.writtenAt) / 1000));
  return { noted, inWords: `written by another process ${ageSeconds} s ago (grace ${facts.graceSeconds} s)` };
}

const constant = (reason: string): HoldReason => ({ noted: reason, inWords: reason });

/** Milliseconds until the last window of a restart loop ends; null: no loop, or Docker will send an event. */
const loopEndsInMs = ({ base, services }: ContainerMatch): number | null =>
  [base, ...services.values()].reduce<number | null>((last, container) => {
    const endsInMs = container === null ? null : windowMs(container);
    return endsInMs === null ? last : Math.max(last ?? 0, endsInMs);
  }, null);

const windowMs = ({ loop }: Container): number | null =>
  loop.kind === 'loop' && loop.endsIn !== null ? loop.endsIn * 1000 : null;

const earlier = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? (a ?? b) : Math.min(a, b);
