/**
 * Plays a day of a DECNET host on a real engine, and measures how long rows were wrong, and which messages were.
 * `npm run living [-- --store redis|postgres] [--verbose]`. Needs root, dockerd, and redis-server for its store.
 */
import { parseArgs } from 'node:util';
import { machine, printed } from '../../bench/report.ts';
import { day } from '../../examples/day/steps.ts';
import { postgresServer, redisServer } from '../harness/servers.ts';
import { playDay } from './player.ts';

const { values } = parseArgs({
  options: { store: { type: 'string', default: 'redis' }, verbose: { type: 'boolean', default: false } },
});
if (values.store !== 'redis' && values.store !== 'postgres') {
  console.error(`There is no store "${values.store}". Stores: redis, postgres`);
  process.exit(2);
}
const [postgres, redis] = [await postgresServer(), values.store === 'redis' ? await redisServer() : null];
try {
  const from = performance.now();
  const seconds = (): number => Math.round((performance.now() - from) / 1000);
  const stores = { DATABASE_URL: postgres.url, ...(redis !== null && { REDIS_URL: redis.url }) };
  const { verdicts, goesOn, output } = await playDay(day, stores, (name) =>
    process.stderr.write(`${seconds()} s  ${name}\n`),
  );
  console.log(`On ${machine()}\n`);
  console.log(
    printed({
      name: 'living',
      title: `A day on a DECNET host, queues on ${values.store === 'redis' ? 'Redis' : 'PostgreSQL'}`,
      rows: verdicts.map((verdict) => ({
        event: verdict.step,
        'untruth s': verdict.untruth,
        'false messages': verdict.unwanted.length,
        'missing messages': verdict.missing.length,
        'd7084bf said': verdict.before,
      })),
    }),
  );
  for (const { step, wrong, left, unwanted, missing } of verdicts) {
    if (wrong !== null) console.log(`${step}: for a while ${wrong}`);
    for (const one of left) console.log(`${step}: at its end still ${one}`);
    for (const one of unwanted) console.log(`${step}: false message ${one}`);
    for (const one of missing) console.log(`${step}: missing message ${one}`);
  }
  console.log(`after STOP the dashboard ${goesOn ? 'goes on' : 'is gone'}`);
  console.log(`(${seconds()} s)`);
  if (values.verbose) console.log(output);
} finally {
  await redis?.remove();
  await postgres.remove();
}
