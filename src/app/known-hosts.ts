import { FleetError } from '../lib/errors.ts';
import { didYouMean } from '../lib/similar.ts';
import type { App } from './app.ts';

/** The maximum number of names in a message. */
const few = 5;
/** The maximum number of names that a mistyped one is compared with. */
const compared = 1000;

/**
 * The error for an unknown host: no worker has registered it, it has no rows, and DECNET_HOSTS does not include it. Null: the
 * host is known.
 */
export async function unknownHost(app: App, host: string): Promise<FleetError | null> {
  const named = app.config.hosts;
  const report = await app.report();
  if (named.includes(host) || (await report.knowsHost(host))) return null;
  const { names, count } = await report.someHosts(compared, named);
  const advice =
    count === 0
      ? 'No host is known yet: a worker registers its host when it starts (`decnet-fleet up` or `decnet-fleet worker`)'
      : `${didYouMean(host, names)}Known ${count === 1 ? 'host' : 'hosts'}: ${listOf(names.slice(0, few), count)}`;
  return new FleetError('NOT_FOUND', `Host ${host} is unknown`, { advice });
}

/** @throws FleetError NOT_FOUND for an unknown host; the message lists some known ones */
export async function requireHost(app: App, host: string): Promise<void> {
  const error = await unknownHost(app, host);
  if (error !== null) throw error;
}

/**
 * @param host null: any host
 * @throws FleetError NOT_FOUND for a decky that is neither recorded nor in the history
 */
export async function requireDecky(app: App, host: string | null, decky: string): Promise<void> {
  const hosts = await (await app.report()).hostsOfDecky(decky);
  if (host === null ? hosts.length > 0 : hosts.includes(host)) return;
  if (host !== null) await requireHost(app, host);
  const advice =
    hosts.length === 0
      ? '`decnet-fleet status` lists all recorded deckies, and `decnet-fleet history` also the deleted ones'
      : `A decky of this name is on host ${listOf(hosts.slice(0, few), hosts.length)}`;
  const where = host === null ? '' : ` on host ${host}`;
  throw new FleetError('NOT_FOUND', `Decky ${decky} is unknown${where}`, { advice });
}

/** `a, b and 7 more` */
const listOf = (names: readonly string[], count: number): string =>
  `${names.join(', ')}${count > names.length ? ` and ${(count - names.length).toLocaleString('en')} more` : ''}`;
