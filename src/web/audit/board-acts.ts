import type { Act } from '../../fleet/audit.ts';
import { hostOfQueue } from '../../fleet/job.ts';

/** The acts of Bull Board's routes, below the queue that they are about. */
const actsOfQueue: Readonly<Record<string, Act>> = {
  'POST add': 'add job',
  'PUT retry/:queueStatus': 'retry jobs',
  'PUT promote': 'promote jobs',
  'PUT clean/:queueStatus': 'remove jobs',
  'PUT pause': 'pause queue',
  'PUT resume': 'resume queue',
  'PUT concurrency': 'change queue',
  'PUT rate-limit': 'change queue',
  'PUT rate-limit/release': 'change queue',
  'PUT empty': 'empty queue',
  'PUT obliterate': 'remove queue',
  'PUT job-schedulers/:schedulerId/remove': 'remove schedule',
  'PATCH job-schedulers/:schedulerId': 'change schedule',
  'PUT job-schedulers/:schedulerId/run': 'run schedule',
  'PUT :jobId/retry': 'retry job',
  'PUT :jobId/clean': 'remove job',
  'PUT :jobId/promote': 'promote job',
  'PATCH :jobId/update-data': 'change job',
  'PATCH :jobId/delay': 'change job',
  'PATCH :jobId/priority': 'change job',
  'PUT :jobId/remove-unprocessed-children': 'remove jobs',
};
const actsOfAll: Readonly<Record<string, Act>> = { 'PUT pause': 'pause queue', 'PUT resume': 'resume queue' };

const below = '/queues/api/queues/';
const queue = ':queueName/';

export interface BoardAct {
  readonly act: Act;
  readonly host: string | null;
  readonly target: string | null;
}

/** What a request to Bull Board does; null: it is another request, or changes nothing. @param route as it was registered */
export function boardAct(
  method: string,
  route: string,
  { queueName, jobId, queueStatus, schedulerId }: Readonly<Record<string, string>>,
): BoardAct | null {
  if (!route.startsWith(below)) return null;
  const rest = route.slice(below.length);
  const isOfQueue = rest.startsWith(queue);
  const act = isOfQueue
    ? actsOfQueue[`${method} ${rest.slice(queue.length)}`]
    : actsOfAll[`${method} ${rest}`];
  if (act === undefined) return null;
  if (queueName === undefined) return { act, host: null, target: 'all queues' };
  const host = hostOfQueue(queueName);
  const part =
    jobId !== undefined
      ? `job ${jobId}`
      : queueStatus !== undefined
        ? `${queueStatus} jobs`
        : (schedulerId ?? null);
  return {
    act,
    host,
    target: host === null ? [queueName, part].filter((one) => one !== null).join(', ') : part,
  };
}
