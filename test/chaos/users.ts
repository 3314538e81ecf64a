import { setTimeout as sleep } from 'node:timers/promises';
import { drawOne, type Random } from '../../src/builder/random.ts';
import type { QueueBackend } from '../../src/queue/backend.ts';
import { cli, type Env } from '../harness/cli.ts';
import { deckyNames, type WalkHost } from './host.ts';
import type { Ledger } from './ledger.ts';
import { hasStack } from './program.ts';

/** Other activity of users and programs: manual jobs, pages, commands. */
export async function use(
  on: { hosts: readonly WalkHost[]; queues: QueueBackend; dashboard: string; env: Env; ledger: Ledger },
  drawn: Random,
): Promise<void> {
  const { ledger } = on;
  const queue = on.queues.queue(`reconcile.${drawOne(drawn, on.hosts).name}`);
  const host = queue.name.slice('reconcile.'.length);
  const page = async (path: string): Promise<number> =>
    (await fetch(`${on.dashboard}${path}`, { signal: AbortSignal.timeout(15_000) })).status;
  const uses: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['a job by hand', () => queue.add('reconcile', { host_uuid: host })],
    ['a dry run by hand', () => queue.add('reconcile', { host_uuid: host, dry_run: true })],
    ['a job for another host', () => queue.add('reconcile', { host_uuid: 'peer' })],
    ['a job of another shape', () => queue.add('reconcile', { deckies: 7 })],
    ['a request for the page of a decky', () => page(`/deckies/host-a/${drawOne(drawn, deckyNames)}`)],
    ['a request for the fleet page', () => page('/')],
    ['reconcile --once', () => reconcileOnce(on.env, ledger)],
  ];
  const [name, run] = drawOne(drawn, uses);
  ledger.did(name);
  await Promise.race([run().catch(() => undefined), sleep(20_000)]);
}

async function reconcileOnce(env: Env, ledger: Ledger): Promise<void> {
  const { code, stdout, stderr } = await cli(['reconcile', '--once', '--json', '--timeout', '5'], env);
  ledger.check('reconcile --once tells how it ended', code === 0 || code === 1, () => `${code} ${stderr}`);
  ledger.check(
    'reconcile --once prints one document, or none',
    (code === 0) === isJson(stdout),
    () => `${code} ${stdout}`,
  );
  ledger.check('reconcile --once prints no stack', !hasStack(stderr), () => stderr);
}

function isJson(text: string): boolean {
  try {
    return typeof JSON.parse(text) === 'object';
  } catch {
    return false;
  }
}
