import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Env, type Running, start, startDashboard } from '../harness/cli.ts';
import { declaredDecky, type TestHost, testHost } from '../harness/host.ts';
import { ask, basic, type Reply } from '../harness/http.ts';
import { runHere } from '../harness/run-here.ts';
import { postgresServer, redisServer, type Server } from '../harness/servers.ts';
import { noStore } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';

/** A time well above the limits of the dashboard, for a busy machine, in milliseconds. */
const answersWithin = 40_000;
/** Milliseconds after which shared answers are no longer used. */
const shared = 1000;
const login = { DASHBOARD_USER: 'ops', DASHBOARD_PASSWORD: 'secret-of-ops' };
const headers = { authorization: basic('ops', 'secret-of-ops') };

/** All addresses except the stream, which has no end. */
const addresses = [
  '/',
  '/?q=web',
  '/hosts',
  '/history',
  '/hosts/local',
  '/hosts/local/plan',
  '/hosts/local/queue',
  '/deckies/local/web',
  '/queues',
  '/queues/',
  '/queues/queue/reconcile.local',
  '/queues/api/queues',
  '/queues/api/queues?activeQueue=reconcile.local',
  '/queues/api/job-schedulers',
  '/api/fleet',
  '/api/hosts',
  '/availability',
  '/api/availability',
  '/api/history',
  '/metrics',
  '/healthz',
  '/readyz',
  '/assets/style.css',
] as const;
type Address = (typeof addresses)[number];
type Replies = Readonly<Record<Address, Reply>>;

const outages = [
  ['is stopped', (server: Server) => server.stop(), (server: Server) => server.start()],
  ['hangs', async (server: Server) => server.hang(), async (server: Server) => server.resume()],
] as const;

// Each kind has servers of its own, and mostly waits for what does not answer.
describe('a dashboard whose stores go away', { concurrency: true }, () => {
  for (const kind of ['redis', 'postgres'] as const)
    describe(`queues on ${kind}`, { skip: noStore(kind), concurrency: 1 }, () => {
      let database: Server;
      let redis: Server | null = null;
      let host: TestHost;
      let env: Env;
      let dashboard: Running;
      let worker: Running;
      let url = '';

      before(async () => {
        database = await postgresServer();
        redis = kind === 'redis' ? await redisServer() : null;
        host = testHost();
        host.write([declaredDecky('web')]);
        env = host.env({
          DOCKER_HOST: 'unix:///nonexistent/docker.sock',
          DATABASE_URL: database.url,
          ...(redis !== null && { REDIS_URL: redis.url }),
        });
        assert.equal((await runHere(['migrate'], env)).code, 0);
        worker = start([], env, 'worker.ts');
        ({ dashboard, url } = await startDashboard({ ...env, ...login }));
        await works();
      });
      after(async () => {
        for (const one of [worker, dashboard]) {
          one?.child.kill('SIGKILL');
          await one?.finished;
        }
        host?.remove();
        for (const server of [redis, database]) {
          server?.resume();
          await server?.remove();
        }
      });

      const get = (path: string, method = 'GET'): Promise<Reply> =>
        ask(`${url}${path}`, { method, headers, signal: AbortSignal.timeout(answersWithin) });
      const all = async (): Promise<Replies> =>
        Object.fromEntries(
          await Promise.all(
            addresses.map(async (path) => [
              path,
              await get(path).catch((error) => assert.fail(`${path}: ${error}`)),
            ]),
          ),
        );
      const metric = ({ body }: Reply, name: string): string | undefined =>
        new RegExp(`^decnet_fleet_${name} (.*)$`, 'm').exec(body)?.[1];
      const works = (): Promise<void> =>
        waitFor(async () => {
          const replies = await all();
          const wrong = addresses.filter((path) => replies[path].status >= 400);
          assert.deepEqual(wrong, []);
          assert.equal(metric(replies['/metrics'], 'queues_up'), '1');
          assert.equal(metric(replies['/metrics'], 'database_up'), '1');
          return true;
        }, 120_000);
      const isPage = ({ headers: { 'content-type': type } }: Reply): boolean =>
        String(type).startsWith('text/html');
      const answer = (replies: Replies, status: number, ...paths: readonly Address[]): void => {
        for (const path of paths)
          assert.equal(replies[path].status, status, `${path}: ${replies[path].body}`);
      };

      for (const [how, goAway, comeBack] of outages) {
        if (kind === 'redis')
          test(`Redis ${how}: every address answers, with all that the database knows`, async () => {
            const server = redis as Server;
            await goAway(server);
            await sleep(shared);
            // The second time, too: of what was asked the first time nothing stands in the way.
            for (let at = 0; at < 2; at++) {
              const replies = await all();
              answer(
                replies,
                200,
                '/',
                '/?q=web',
                '/history',
                '/api/fleet',
                '/api/hosts',
                '/api/history',
                '/healthz',
              );
              answer(replies, 200, '/metrics', '/hosts/local', '/deckies/local/web');
              assert.equal(metric(replies['/metrics'], 'queues_up'), '0');
              assert.equal(metric(replies['/metrics'], 'database_up'), '1');
              assert.match(replies['/metrics'].body, /^decnet_fleet_deckies\{host="local"/m);
              assert.match(
                replies['/hosts/local'].body,
                /The queues do not answer, so passes cannot be shown/,
              );
              assert.match(replies['/deckies/local/web'].body, /Its worker does not answer: The queues/);
              assert.match(replies['/deckies/local/web'].body, /the row in the table fleet_deckies/);
              answer(replies, 503, '/readyz');
              for (const path of [
                '/queues',
                '/queues/',
                '/queues/queue/reconcile.local',
                '/hosts/local/plan',
              ] as const) {
                answer(replies, 503, path);
                assert.ok(isPage(replies[path]), path);
                assert.match(replies[path].body, /The queues [^<]*do not answer/, path);
              }
              for (const path of ['/queues/api/queues', '/queues/api/job-schedulers'] as const) {
                answer(replies, 503, path);
                assert.match(JSON.parse(replies[path].body).error, /The queues [^<]*do not answer/);
              }
              assert.equal((await get('/hosts/local/reconcile', 'POST')).status, 503);
            }
            await comeBack(server);
            await works();
          });

        test(`the database ${how}: every address answers`, async () => {
          await goAway(database);
          await sleep(shared);
          for (let at = 0; at < 2; at++) {
            const replies = await all();
            for (const path of ['/', '/history', '/hosts/local', '/deckies/local/web'] as const) {
              answer(replies, 503, path);
              assert.ok(isPage(replies[path]), path);
              assert.match(replies[path].body, /The database [^<]*does not answer/, path);
            }
            for (const path of ['/api/fleet', '/api/hosts', '/api/history'] as const) {
              answer(replies, 503, path);
              assert.match(JSON.parse(replies[path].body).error, /The database [^<]*does not answer/);
            }
            answer(replies, 200, '/metrics', '/healthz');
            assert.equal(metric(replies['/metrics'], 'database_up'), '0');
            assert.equal(metric(replies['/metrics'], 'queues_up'), kind === 'redis' ? '1' : '0');
            answer(replies, 503, '/readyz');
            answer(replies, kind === 'redis' ? 200 : 503, '/queues/');
          }
          await comeBack(database);
          await works();
        });
      }
    });
});
