import { textsOf } from '../../lib/json.ts';
import { printable, shortened } from '../../lib/text.ts';
import type { Decky } from '../decky.ts';
import type { Desired } from '../desired.ts';
import type { BrokenDeployment } from './cause.ts';
import type { Change } from './change.ts';
import { type Container, type ContainerMatch, isReached } from './container-match.ts';
import { contentChanges } from './content.ts';
import { explained } from './explained.ts';
import type { Facts, Row } from './facts.ts';
import { allowsChange, type Grace, graceOf } from './grace.ts';
import type { LeftEntry } from './memory.ts';
import { type Observation, observedState } from './observed-state.ts';
import { portsOff, type Silence, type SilentEntries, silenceOf } from './ports.ts';
import type { Covered } from './rollout.ts';
import type { Rotation } from './rotation.ts';

/** What is known of one decky. */
export interface DeckyFacts {
  /** Null: it has no row. */
  readonly row: Row | null;
  /** Null: the file does not declare it. */
  readonly decky: Decky | null;
  /** Its containers, by the services that it has now. Null: Docker did not answer. */
  readonly match: ContainerMatch | null;
  /** Null: it has the services that the file declares. */
  readonly rotation: Rotation | null;
  /** Null: no deployment explains that it does not run. */
  readonly covered: Covered | null;
  /** The deployment that left it down; null: none did. */
  readonly broken: BrokenDeployment | null;
}

/** What the host's containers show of a decky, if Docker answered. */
function observationOf(
  it: DeckyFacts,
  silence: Silence,
  facts: Pick<Facts, 'explanations'>,
): Observation | null {
  const { match, covered, broken } = it;
  if (match === null) return null;
  const [name, services] = [nameOf(it), servicesOf(it)];
  const observation = observedState(services, match, silence.silent);
  return observation.state === 'running'
    ? observation
    : explained(observation, { name, services, covered, broken, ...facts.explanations });
}

const nameOf = ({ row, decky }: DeckyFacts): string => decky?.name ?? row?.name ?? '';

/** The services that the decky has now. */
const servicesOf = ({ row, decky, rotation }: DeckyFacts): readonly string[] =>
  rotation?.services ?? decky?.services ?? textsOf(row?.services ?? []);

const silenceIn = (it: DeckyFacts, { observed, memory, now }: Facts): Silence =>
  silenceOf({
    services: servicesOf(it),
    match: it.match,
    ports: observed.kind === 'ok' ? observed.ports : portsOff,
    before: memory.silent.get(nameOf(it)),
    now,
  });

/** What a pass does about one decky. */
export interface DeckyDecision {
  readonly change: Change | null;
  /** Why a change was not made. */
  readonly held: HoldReason | null;
  readonly left: LeftEntry | null;
  /** What is remembered of services that do not listen. */
  readonly silent: SilentEntries;
  /** Milliseconds after which the decky must be checked again; null: nothing is due. */
  readonly requeueAfterMs: number | null;
  /** What its containers show; null: Docker did not answer. */
  readonly observed: ObservedDecky | null;
}

/** A decky's containers, and the state that they add up to. */
export interface ObservedDecky {
  readonly match: ContainerMatch;
  readonly observation: Observation;
}

/** Why a row is held: as the memory keeps it, the same for as long as it lasts, and as people read it now. */
interface HoldReason {
  readonly stored: string;
  readonly inWords: string;
}

interface RowOutcome {
  readonly change: Change | null;
  readonly held: HoldReason | null;
}

/** The rules of CONTRACT.md ("Rules of a pass") for one decky, without any I/O. */
export function decide(given: DeckyFacts, facts: Facts): DeckyDecision {
  const { row, match, covered } = given;
  const silence = silenceIn(given, facts);
  const observation = observationOf(given, silence, facts);
  const recheckMs = earlier(
    earlier(match === null ? null : loopEndsInMs(match), silence.recheckMs),
    covered === null || observation?.state !== 'pending' ? null : Math.max(0, covered.recheckMs),
  );
  const silent = silence.entries;
  const it = { ...given, decky: withRotation(given) };
  const shown = match === null || observation === null ? null : { match, observation };
  if (row === null) {
    const change = it.decky === null ? null : insert(it.decky, observation);
    const left = graceOf({ name: nameOf(it), ours: true, writtenAt: 0 }, facts, observation).entry;
    return { change, held: null, left, silent, requeueAfterMs: recheckMs, observed: shown };
  }
  const grace = graceOf(row, facts, observation);
  const { change, held } = decideRow({ ...it, row, observation, grace, facts });
  const graceMs = held === null ? null : grace.endsInMs;
  const requeueAfterMs = earlier(graceMs, recheckMs);
  return { change, held, left: grace.entry, silent, requeueAfterMs, observed: shown };
}

/** The decky with the services that it has now. Its `config` stays the file's. */
const withRotation = ({ decky, rotation }: DeckyFacts): Decky | null =>
  decky === null || rotation === null ? decky : { ...decky, services: rotation.services };

interface RowFacts extends DeckyFacts {
  readonly row: Row;
  readonly observation: Observation | null;
  readonly grace: Grace;
  readonly facts: Facts;
}

function decideRow(it: RowFacts): RowOutcome {
  const { row, decky, facts } = it;
  if (decky === null && facts.desired.kind !== 'invalid') {
    const kept = keptBecause(it);
    if (kept === null) return { change: remove(row, facts.desired), held: null };
    return { change: stateOutcome(it).change, held: kept };
  }
  const outcome = stateOutcome(it);
  // Without a valid file there is no content to compare: only states are taken. @see CONTRACT.md, rule 7
  const changed = decky === null ? [] : contentChanges(row, decky);
  if (decky === null || changed.length === 0) return outcome;
  if (it.grace.left && !isAsDecnetWrote(it, decky))
    return { change: outcome.change, held: heldForWriter(it) };
  const contentReason = contentReasonOf(it, decky, changed);
  const content = { content: decky, changed, contentReason };
  if (outcome.change?.action === 'state') return { change: { ...outcome.change, ...content }, held: null };
  const kept = outcome.change ?? keep(row);
  return {
    change: { ...kept, ...content, action: 'config', reason: contentReason, cause: null },
    held: null,
  };
}

/** Whether DECNET, which wrote within the grace, wrote what the file says: into its own table, and no program wrote into ours. */
function isAsDecnetWrote({ row, facts }: RowFacts, decky: Decky): boolean {
  const written = facts.decnet.recent.get(row.name);
  return row.ours && written !== undefined && contentChanges(written.content(), decky).length === 0;
}

/** `file: ip changed`, `rotated: ssh, telnet instead of http, https`. @see CONTRACT.md, "A living host", d */
function contentReasonOf({ rotation }: RowFacts, decky: Decky, changed: readonly string[]): string {
  const isRotated = rotation !== null && changed.includes('services');
  const ofFile = isRotated ? changed.filter((field) => field !== 'services') : changed;
  const rotated = isRotated
    ? [`rotated: ${decky.services.join(', ')} instead of ${rotation.declared.join(', ')}`]
    : [];
  return shortened(
    printable([...rotated, ...(ofFile.length > 0 ? [`file: ${ofFile.join(', ')} changed`] : [])].join('; ')),
  );
}

/** Rule 3: why a row that the file does not declare is kept; null: it is deleted. */
function keptBecause(it: RowFacts): HoldReason | null {
  const { desired } = it.facts;
  if (it.grace.left) return heldForWriter(it);
  const tornDown = desired.kind === 'absent' || (desired.kind === 'declared' && desired.deckies.size === 0);
  if (!tornDown) return null;
  const where = desired.kind === 'absent' ? 'the file is absent' : 'the file declares no decky of this host';
  if (it.match === null) return constant(`${where} and Docker does not answer`);
  return isReached(it.match, textsOf(it.row.services))
    ? constant(`${where}, but its containers still run`)
    : null;
}

/** Rule 4: the row takes the observed state, where the grace allows it. */
function stateOutcome(it: RowFacts): RowOutcome {
  const { row, observation, grace } = it;
  const nothing: RowOutcome = { change: null, held: null };
  if (observation === null || isStillOpen(row, observation)) return nothing;
  if (observation.state === row.state && observation.reason === row.lastError) return nothing;
  if (!allowsChange(grace, row, observation)) {
    return observation.state === row.state ? nothing : { change: null, held: heldForWriter(it) };
  }
  const taken = {
    ...keep(row),
    observed: true,
    to: observation.state,
    lastError: observation.reason,
    cause: observation.cause,
  };
  const reason = observation.reason ?? 'all its containers run';
  return {
    change: { ...taken, action: observation.state === row.state ? 'reason' : 'state', reason },
    held: null,
  };
}

/** A decky that was down and some of whose containers were not inspected is not called running yet. */
const isStillOpen = (row: Row, observation: Observation): boolean =>
  observation.state === 'running' &&
  ((row.state === 'degraded' && observation.doubt !== 'none') ||
    (row.state === 'failed' && observation.doubt === 'network'));

const keep = (row: Row): Omit<Change, 'action' | 'reason'> => ({
  name: row.name,
  from: row.state,
  to: row.state,
  cause: null,
  observed: false,
  lastError: row.lastError,
  content: null,
  changed: [],
  contentReason: null,
});

const remove = (row: Row, desired: Desired): Change => ({
  ...keep(row),
  action: 'delete',
  to: null,
  reason:
    desired.kind === 'absent' ? 'the file is absent and no container of it runs' : 'not in the file any more',
});

/** Rule 2. @param observation null: Docker did not answer */
const insert = (decky: Decky, observation: Observation | null): Change => ({
  action: 'insert',
  name: decky.name,
  from: null,
  to: observation?.state ?? 'pending',
  reason:
    observation === null
      ? 'new in the file; Docker does not answer'
      : (observation.reason ?? 'new in the file'),
  cause: observation?.cause ?? null,
  observed: observation !== null,
  lastError: observation?.reason ?? null,
  content: decky,
  changed: [],
  contentReason: null,
});

function heldForWriter({ grace, facts }: RowFacts): HoldReason {
  const stored = `written by another process (grace ${facts.graceSeconds} s)`;
  if (grace.entry === null) return constant(stored);
  const ageSeconds = Math.max(0, Math.round((facts.now - grace.entry.writtenAt) / 1000));
  return {
    stored,
    inWords: `written by another process ${ageSeconds} s ago (grace ${facts.graceSeconds} s)`,
  };
}

const constant = (reason: string): HoldReason => ({ stored: reason, inWords: reason });

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
