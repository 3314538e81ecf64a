import type { Job } from 'bullmq';
import { isLegalHost } from '../../fleet/decky.ts';
import { type JobResult, queueName } from '../../fleet/job.ts';
import { countOf } from '../../fleet/words.ts';
import { reasonOf } from '../../lib/errors.ts';
import { isObject, type Json } from '../../lib/json.ts';
import { printable, shortened } from '../../lib/text.ts';
import { type Html, html } from '../html.ts';
import { jobInWords, type LeftOut, notShown } from '../left-out.ts';
import type { WebPorts } from '../ports.ts';
import { age, jobMark } from '../words.ts';
import { passChart } from './pass-chart.ts';

/** What the page shows of a result. The rest may be large, and the results of all passes are held at once. */
type ShownResult = {
  readonly [K in 'inserted' | 'deleted' | 'state_updated' | 'config_updated' | 'held' | 'dry_run' | 'docker']:
    | JobResult[K]
    | undefined;
};

/** A finished pass that the queue still has. */
interface PassView {
  readonly id: string;
  readonly cause: string;
  /** Epoch milliseconds. */
  readonly at: number;
  /** Milliseconds. */
  readonly durationMs: number;
  readonly result: ShownResult | null;
  readonly failure: string | null;
  /** The number of deckies of a partial pass; null: a full pass. */
  readonly only: number | null;
}

const passesShown = 50;
const readConcurrency = 10;

export interface LastPasses {
  readonly passes: readonly PassView[];
  readonly leftOut: readonly LeftOut[];
}

/** The last passes of a host. @throws Error if the queues do not answer */
export async function lastPasses(queues: WebPorts['queues'], host: string): Promise<LastPasses> {
  // Another program may have written a host name that is not legal in the name of a queue.
  if (!isLegalHost(host)) return { passes: [], leftOut: [] };
  const queue = queues.impatientQueue(queueName(host));
  const passes: PassView[] = [];
  const leftOut: LeftOut[] = [];
  const ids = await queue.getRanges(['completed', 'failed'], 0, passesShown - 1);
  const read = async (id: string): Promise<void> => {
    try {
      const job = await queue.getJob(id);
      if (job !== undefined) passes.push(passView(job));
    } catch (error) {
      leftOut.push({ name: jobInWords(id), reason: shown(reasonOf(error)) });
    }
  };
  // A few at a time: each may have 1 MB.
  for (let at = 0; at < ids.length; at += readConcurrency)
    await Promise.all(ids.slice(at, at + readConcurrency).map(read));
  return { passes: passes.sort((a, b) => b.at - a.at), leftOut };
}

export const lastPassesPart = (host: string, { passes, leftOut }: LastPasses, hasBoard: boolean): Html =>
  html`${leftOut.length === 0 ? null : html`<p class="trouble">${notShown(leftOut)}</p>`}${
    passes.length > 0
      ? html`${passChart(passes)}${passTable(host, passes, hasBoard)}`
      : leftOut.length === 0
        ? html`<p class="empty">The queue has no finished passes of this host.</p>`
        : null
  }`;

const shownOf = ({
  inserted,
  deleted,
  state_updated,
  config_updated,
  held,
  dry_run,
  docker,
}: Partial<JobResult>): ShownResult => ({
  inserted,
  deleted,
  state_updated,
  config_updated,
  held,
  dry_run,
  docker,
});

function passView(job: Job): PassView {
  const data = job.data as Json;
  const value = job.returnvalue as Json;
  const only = isObject(data) && Array.isArray(data.deckies) ? data.deckies.length : null;
  return {
    id: shown(String(job.id)),
    cause: isObject(data) && typeof data.cause === 'string' ? shown(data.cause) : 'not given',
    at: momentOf(job.finishedOn ?? job.timestamp),
    durationMs: momentOf(job.finishedOn) - momentOf(job.processedOn ?? job.finishedOn),
    result: isObject(value) ? shownOf(value as Partial<JobResult>) : null,
    failure: job.failedReason ? shown(String(job.failedReason)) : null,
    only,
  };
}

/** A job's data is not trusted: the host's worker, or any client of the queue, can write it. */
const shown = (text: string): string => shortened(printable(text));
const momentOf = (ms: unknown): number =>
  typeof ms === 'number' && ms >= 0 && ms < 8.64e15 ? Math.round(ms) : 0;

const counts = (result: ShownResult): string => {
  const parts = [
    [result.inserted, 'inserted'],
    [result.deleted, 'deleted'],
    [result.state_updated, 'changed state'],
    [result.config_updated, 'changed content'],
    [result.held, 'held'],
  ].flatMap(([count, word]) => (typeof count === 'number' && count > 0 ? [`${count} ${word}`] : []));
  return parts.length > 0 ? parts.join(', ') : 'no changes';
};

const passTable = (
  host: string,
  passes: readonly PassView[],
  hasBoard: boolean,
): Html => html`<table class="passes"><caption class="quiet">Last passes of ${host}, newest first</caption>
<thead><tr><th scope="col">When</th><th scope="col">Cause</th><th scope="col">Found</th><th scope="col" class="number">Took</th><th scope="col">Job</th></tr></thead>
<tbody>${passes.map(
  ({ id, at, cause, only, result, failure, durationMs }) => html`<tr data-key="pass ${id}">
<td class="age">${age(new Date(at).toISOString())}</td><td>${cause}${only === null ? null : html`, ${countOf(only, 'decky')}`}</td>
<td class="reason">${failure === null ? html`${result === null ? 'no result' : counts(result)}${result?.dry_run ? ' (dry run)' : ''}${result?.docker === 'unreachable' ? '; Docker unreachable' : ''}` : failed(failure)}</td>
<td class="number">${durationMs} ms</td><td>${jobMark(host, id, hasBoard)}</td></tr>`,
)}</tbody></table>`;

/** A long reason is folded. */
const foldedFrom = 160;

const failed = (reason: string): Html =>
  reason.length <= foldedFrom
    ? html`<span class="warn">failed: ${reason}</span>`
    : html`<details><summary class="warn">failed: ${shortened(reason, foldedFrom)}</summary>${reason}</details>`;
