import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { walk } from './walk.ts';

/** `npm run chaos -- [--seed N] [--minutes M] [--store redis|postgres]` */
const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    minutes: { type: 'string', default: '3' },
    store: { type: 'string', default: 'redis' },
  },
});
const usage = (what: string): never => {
  console.error(`chaos: ${what}`);
  process.exit(2);
};
const { store } = values;
if (store !== 'redis' && store !== 'postgres') usage('--store is redis or postgres');
const seed = values.seed === undefined ? randomInt(2 ** 47) : Number(values.seed);
if (!Number.isSafeInteger(seed) || seed < 0) usage('--seed is a whole number, 0 or more');
const minutes = Number(values.minutes);
if (!(minutes > 0)) usage('--minutes is a number above 0');

console.log(`chaos: --seed ${seed} --minutes ${minutes} --store ${store}`);
const stopped = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    console.log(
      'chaos: ends after this round; a second signal ends it immediately, without stopping its processes',
    );
    stopped.abort();
  });
const { counts, violations, directory } = await walk({
  seed,
  minutes,
  store: store as 'redis' | 'postgres',
  signal: stopped.signal,
});
console.log(
  `chaos: seed ${seed}, queues on ${store}: ${counts.actions} actions, ${counts.faults} faults, ${counts.checks} checks, ${violations.length} violations`,
);
if (violations.length > 0)
  console.log(`chaos: what was done, and what the processes printed, is in ${directory}`);
process.exit(violations.length === 0 ? 0 : 1);
