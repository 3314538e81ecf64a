import type { Command } from 'commander';
import { wholeNumber } from '../app/config.ts';
import { FleetError } from '../lib/errors.ts';
import { maskAddress } from '../lib/mask.ts';

export interface DashboardPlace {
  readonly host: string;
  readonly port: number;
}

/** Where the dashboard listens: the same options for all that have one. */
export const addDashboardOptions = (command: Command): Command =>
  command
    .option('--port <port>', 'the port that the dashboard listens on', port, 7070)
    .option('--host <address>', 'the address to listen on; beyond loopback a login is required', '127.0.0.1');

/** Where people find it, and where it listens if that is another place. */
export const placeText = ({ url, listensAt }: { url: string; listensAt: string }): string =>
  `${maskAddress(url)}${url === listensAt ? '' : `, and listens at ${listensAt}`}`;

function port(text: string): number {
  const found = wholeNumber(text, 0, 65_535);
  if (found === null)
    throw new FleetError('CONFIG_INVALID', `"${text}" is not a port`, { advice: 'Allowed: 0 to 65535' });
  return found;
}
