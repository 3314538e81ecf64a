import { deckiesByName, othersOnly } from '../fleet/desired.ts';
import type { JobData, JobResult } from '../fleet/job.ts';
import type { Plan } from '../fleet/plan/change.ts';
import { countsOf } from '../fleet/plan/change.ts';
import { FleetError } from '../lib/errors.ts';
import { announce, type Bus } from './announce.ts';
import { type Decided, planAndApply, plannedTransitions } from './apply.ts';
import { withLogs } from './container-logs.ts';
import type { DecnetSync } from './decnet-sync.ts';
import { decnetWarnings, writeDecnet } from './keep-decnet.ts';
import type { ContainerLogs, LastLinesReader } from './last-lines.ts';
import type { CommittedTransition, Ledger } from './ledger.ts';
import {
  type Engine,
  type Hearing,
  type HostFacts,
  type Machine,
  observe,
  type StateFile,
} from './observe.ts';
import { type PassRequest, type PassSettings, passRequest } from './request.ts';
import { noSpans, type Spans } from './spans.ts';
import { deckyViews, reportedChange } from './views.ts';

export interface Ports {
  readonly ledger: Ledger;
  readonly stateFile: StateFile;
  readonly engine: Engine;
  readonly machine: Machine;
  readonly hearing: Hearing;
  readonly bus: Pick<Bus, 'publish'>;
  /** DECNET's own table; null: it is not kept. */
  readonly decnet: DecnetSync | null;
  /** Reads the logs of containers that took a decky down; absent: nobody asked for them. */
  readonly lastLines?: Pick<LastLinesReader, 'broke'> | undefined;
  /** Absent: no traces are recorded. */
  readonly spans?: Spans | undefined;
  /** The logs of this host's containers, for jobs that ask for them; absent: there are none. */
  readonly logs?: ContainerLogs;
}

/** A set of decky names. */
export interface Names {
  has(name: string): boolean;
}

export interface PassOutcome {
  readonly result: JobResult;
  /** Why the state file could not be used. The pass has failed, but it has updated the states; null: no failure. */
  readonly failure: FleetError | null;
  readonly plan: Plan;
  readonly transitions: readonly CommittedTransition[];
  /** The names in the file and the table, after a pass over all deckies; null: the pass covered only some. */
  readonly names: Names | null;
  /** Warnings for an operator, in text that stays the same while the cause lasts. */
  readonly warnings: readonly string[];
}

/** How often a pass observes again when other passes overtake it. @see CONTRACT.md, "Rules of a pass" */
const maxAttempts = 3;

/**
 * Runs one pass over one host: observe → plan → apply → announce.
 * @param job the job's id, for the history and the result
 * @param settings.enqueuedAt when the job was enqueued, epoch milliseconds
 * @throws FleetError OTHER_MACHINE, PASS_CONFLICT or a database error, with nothing written
 */
export async function pass(
  data: JobData,
  job: string,
  ports: Ports,
  settings: PassSettings,
): Promise<PassOutcome> {
  const request = passRequest(data, job, settings);
  const { facts, decided } = await observeAndApply(request, ports);
  ports.lastLines?.broke(request.host, decided.transitions, facts.observed);
  const { within } = ports.spans ?? noSpans;
  const [again] = await within('announce', () =>
    Promise.all([
      ports.decnet === null || decided.decnet === null
        ? new Map<string, number>()
        : writeDecnet(ports.decnet, decided.decnet, request.host, ports.ledger),
      announce(request.host, decided.transitions, ports.bus),
    ]),
  );

  const counted = request.dryRun ? plannedTransitions(decided.plan) : decided.transitions;
  const warning = othersOnly(facts.desired, request.host);
  const result: JobResult = {
    host_uuid: request.host,
    job_id: job,
    ...countsOf(counted),
    held: decided.plan.held.length,
    contested: decided.plan.contested,
    docker: facts.observed.kind,
    duration_ms: Math.round(performance.now() - request.startedMs),
    dry_run: request.dryRun,
    ...(request.dryRun ? await dryRunViews(data, facts, decided, ports) : {}),
  };
  return {
    result,
    failure: facts.desired.kind === 'invalid' ? facts.desired.error : null,
    plan: { ...decided.plan, requeueAfterMs: sooner(decided.plan.requeueAfterMs, again) },
    transitions: decided.transitions,
    names: request.only === null ? namesOf(facts, decided) : null,
    warnings: [
      ...(warning === null ? [] : [`${ports.stateFile.path} ${warning}`]),
      ...(facts.observed.kind === 'unreachable' ? [`Docker does not answer: ${facts.observed.reason}`] : []),
      ...decnetWarnings(ports.decnet, Date.now()),
    ],
  };
}

/** For each name the smaller of two numbers. */
const sooner = (
  a: ReadonlyMap<string, number>,
  b: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> =>
  b.size === 0
    ? a
    : new Map([
        ...a,
        ...[...b].map(([name, ms]): [string, number] => [name, Math.min(ms, a.get(name) ?? ms)]),
      ]);

function namesOf({ desired }: HostFacts, { recorded }: Decided): Names {
  const declared = deckiesByName(desired);
  const others = new Set(recorded.map(({ name }) => name).filter((name) => !declared.has(name)));
  return { has: (name) => declared.has(name) || others.has(name) };
}

async function observeAndApply(
  request: PassRequest,
  ports: Ports,
): Promise<{ facts: HostFacts; decided: Decided }> {
  const { within } = ports.spans ?? noSpans;
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    const facts = await within('observe', () => observe(request, ports));
    request.requireLock();
    const transaction = await within('apply', () =>
      ports.ledger.inTransaction(request, facts.before.generation, (open) =>
        planAndApply(open, facts, request, ports),
      ),
    );
    if (transaction.kind !== 'committed') continue;
    if (!request.dryRun) ports.hearing.recorded(facts.explanations);
    return { facts, decided: transaction.outcome };
  }
  throw new FleetError(
    'PASS_CONFLICT',
    `Other passes of host ${request.host} came in between ${maxAttempts} times`,
    {
      advice: 'Nothing was written; the next pass tries again',
    },
  );
}

async function dryRunViews(
  data: JobData,
  facts: HostFacts,
  { plan, observed }: Decided,
  { logs }: Pick<Ports, 'logs'>,
): Promise<Pick<JobResult, 'changes' | 'held_rows' | 'deckies'>> {
  const common = { changes: plan.changes.map(reportedChange), held_rows: plan.held };
  if (data.deckies === undefined) return common;
  const deckies = deckyViews(data.deckies, facts.desired, observed);
  return {
    ...common,
    deckies:
      data.logs === undefined || logs === undefined ? deckies : await withLogs(deckies, logs, data.logs),
  };
}
