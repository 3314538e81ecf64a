import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { QueueBackend } from '../../src/queue/backend.ts';
import { openTestQueues } from '../harness/open-queues.ts';
import { ask, postgresServer, type Server } from '../harness/servers.ts';
import { waitFor } from '../harness/wait.ts';

const hourMs = 3_600_000;

describe('a queue on PostgreSQL whose killed worker had a clock that was an hour ahead', {
  concurrency: true,
}, () => {
  let server: Server;
  let backend: QueueBackend;
  before(async () => {
    server = await postgresServer();
    backend = openTestQueues(null, server.url);
    await backend.prepare();
  });
  after(async () => {
    await backend.close();
    await server.remove();
  });

  /** Leaves a job as a worker leaves it that is killed while the job runs. */
  const abandoned = async (queue: string): Promise<void> => {
    await backend.queue(queue).add('one', {});
    const ahead = Date.now() + hourMs;
    await ask(
      server.url,
      `update bullmq.job set state = 'active', lock_token = 'killed', locked_until_ms = ${ahead} where queue = '${queue}'`,
    );
    await ask(
      server.url,
      `insert into bullmq.meta (queue, field, value) values ('${queue}', 'stalled-check', '${ahead}')
         on conflict (queue, field) do update set value = excluded.value`,
    );
  };

  test('is served again by the next worker', async () => {
    await abandoned('killed');
    const ran: string[] = [];
    const worker = backend.worker('killed', async ({ name }) => void ran.push(name));
    void worker.run();
    // Two or three checks, one every 5 s.
    await waitFor(() => ran.length > 0, 75_000);
    assert.deepEqual(ran, ['one']);
    await worker.close();
  });

  test('and a live worker with such a clock keeps its job', async () => {
    await abandoned('alive');
    const renewed = setInterval(
      () =>
        void ask(
          server.url,
          `update bullmq.job set locked_until_ms = ${Date.now() + hourMs} where queue = 'alive' and state = 'active'`,
        ),
      2500,
    );
    const ran: string[] = [];
    const worker = backend.worker('alive', async ({ name }) => void ran.push(name));
    void worker.run();
    await new Promise((done) => setTimeout(done, 11_000));
    assert.deepEqual(ran, []);
    clearInterval(renewed);
    await waitFor(() => ran.length > 0, 75_000);
    await worker.close();
  });
});
