import { FleetError } from '../lib/errors.ts';
import type { App } from './app.ts';

/** So many names are told. */
const few = 5;

/**
 * What is wrong with a host that no worker registered, that has no row, and that DECNET_HOSTS does not name; null: it has,
 * or does.
 */
export async function unknownHost(app: App, host: string): Promise<FleetError | null> {
  const named = app.config.hosts;
  const report = await app.report();
  if (named.includes(host) || (await report.knowsHost(host))) return null;
  const { names, count } = await report.someHosts(few, named);
  const advice =
    count === 0
      ? 'No host is: a worker registers its host when it starts, `decnet-fleet up` or `node worker.ts`'
      : `Known ${names.length === 1 ? 'is' : 'are'} ${listOf(names, count)}`;
  return new FleetError('NOT_FOUND', `Host ${host} is not known`, { advice });
}

/** @throws FleetError NOT_FOUND for a host that does not exist, naming some that do */
export async function requireHost(app: App, host: string): Promise<void> {
  const error = await unknownHost(app, host);
  if (error !== null) throw error;
}

/**
 * @param host null: any
 * @throws FleetError NOT_FOUND for a decky that is recorded nowhere, not even in the history
 */
export async function requireDecky(app: App, host: string | null, decky: string): Promise<void> {
  const hosts = await (await app.report()).hostsOfDecky(decky);
  if (host === null ? hosts.length > 0 : hosts.includes(host)) return;
  if (host !== null) await requireHost(app, host);
  const advice =
    hosts.length === 0
      ? '`decnet-fleet status` lists those that are, `decnet-fleet history` those that were as well'
      : `Host ${listOf(hosts.slice(0, few), hosts.length)} has one of that name`;
  const where = host === null ? '' : ` on host ${host}`;
  throw new FleetError('NOT_FOUND', `Decky ${decky} is not known${where}`, { advice });
}

/** `a, b and 7 more` */
const listOf = (names: readonly string[], count: number): string =>
  `${names.join(', ')}${count > names.length ? ` and ${(count - names.length).toLocaleString('en')} more` : ''}`;
