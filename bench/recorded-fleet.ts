/** A recorded fleet for the dashboard, written without running passes. */
import type pg from 'pg';
import { addPass, figuresToJson, noFigures } from '../src/fleet/figures.ts';
import { type JobData, type JobResult, jobName, queueName } from '../src/fleet/job.ts';
import { type QueueBackend, queueBackend } from '../src/queue/backend.ts';
import { waitFor } from '../test/harness/wait.ts';
import { builtDeckies, quietResult } from './fleet.ts';

/** One in this many deckies is broken: the fleet page lists those, and on a large host only counts the others. */
const brokenEvery = 20;
/** The interval in seconds: hosts are fresh for three intervals, longer than a benchmark takes. */
const interval = 3600;
/** Finished passes of the host with a worker. The queue keeps 50, and a request for a decky takes a place for a moment. */
export const passesKept = 49;

export interface Row {
  readonly host_uuid: string;
  readonly name: string;
  readonly state: string;
}

export const hostName = (at: number): string => `host-${String(at).padStart(4, '0')}`;

/** Fills the tables. @returns the rows of `fleet_deckies`, in the order of their hosts */
export async function recordFleet(
  client: pg.Client,
  { hosts, deckies }: { hosts: number; deckies: number },
): Promise<readonly Row[]> {
  const rows = builtDeckies(deckies).map((decky, at) => {
    const isBroken = at % brokenEvery === 0;
    return {
      host_uuid: hostName(Math.floor((at * hosts) / deckies)),
      name: decky.name,
      services: decky.services,
      decky_config: decky,
      decky_ip: decky.ip,
      state: isBroken ? 'degraded' : 'running',
      last_error: isBroken ? 'http: exited, code 137' : null,
    };
  });
  let figures = noFigures;
  for (let pass = 0; pass < 100; pass++)
    figures = addPass(figures, {
      result: 'ok',
      seconds: 0.05,
      changes: { inserted: 0, deleted: 0, state_updated: 1, config_updated: 0 },
      eventSeconds: 0.02,
    });
  // Ten seconds ago: the stream reports the hosts of the last five seconds, and must report only those that a round changes.
  await client.query(
    `insert into fleet_hosts (host_uuid, turn, interval_s, first_seen_at, last_pass_at, last_full_pass_at, last_observed_at,
       version, figures)
     select host, 100, $2, now() - interval '8 days', at, at, at, '0.1.0', $3::jsonb
     from unnest($1::text[]) host, (select now() - interval '10 s' as at) t`,
    [
      Array.from({ length: hosts }, (_, at) => hostName(at)),
      interval,
      JSON.stringify(figuresToJson(figures)),
    ],
  );
  await client.query(
    `insert into fleet_deckies (host_uuid, name, services, decky_config, decky_ip, state, last_error)
     select * from jsonb_to_recordset($1::jsonb) as row
       (host_uuid text, name text, services jsonb, decky_config jsonb, decky_ip text, state text, last_error text)`,
    [JSON.stringify(rows)],
  );
  await client.query(
    `insert into fleet_transitions (host_uuid, name, from_state, to_state, reason, at)
     select host_uuid, name, null, 'running', 'file: declared', now() - interval '8 days' from fleet_deckies
     union all
     select host_uuid, name, 'running', state, last_error, now() - interval '2 hours' from fleet_deckies
     where state <> 'running'`,
  );
  await client.query('vacuum analyze');
  return rows;
}

/**
 * A worker of one host with finished passes, which answers requests for a decky immediately, so that only the dashboard is
 * measured, not an engine.
 */
export async function standInWorker(databaseUrl: string, host: string): Promise<{ close(): Promise<void> }> {
  const backend: QueueBackend = queueBackend({ redis: null, databaseUrl }, { outage: () => undefined });
  try {
    await backend.prepare();
    const worker = backend.worker(queueName(host), async (job) =>
      resultOf(job.data as JobData, String(job.id)),
    );
    const queue = backend.queue(queueName(host));
    await queue.addBulk(
      Array.from({ length: passesKept }, () => ({
        name: jobName,
        data: { host_uuid: host, cause: 'schedule' },
      })),
    );
    void worker.run();
    await waitFor(async () => (await queue.getCompletedCount()) === passesKept);
    return {
      close: async () => {
        await worker.close();
        await backend.close();
      },
    };
  } catch (error) {
    await backend.close();
    throw error;
  }
}

const resultOf = ({ host_uuid, deckies = [], dry_run }: JobData, job: string): JobResult => ({
  ...quietResult(host_uuid, job, dry_run),
  deckies: deckies.map((name) => ({
    name,
    desired: { name, services: ['ssh', 'http', 'smb'] },
    observed: {
      state: 'running',
      reason: null,
      containers: ['ssh', 'http', 'smb'].map((service) => ({
        name: `${name}-${service}`,
        service,
        state: 'running',
        exit_code: null,
        unhealthy: false,
      })),
    },
  })),
});
