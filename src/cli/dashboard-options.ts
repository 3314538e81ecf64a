import type { Command } from 'commander';
import { wholeNumber } from '../app/setting-readers.ts';
import { FleetError } from '../lib/errors.ts';
import { maskAddress } from '../lib/mask.ts';

export interface DashboardOptions {
  readonly host: string;
  readonly port: number;
}

/** Adds the options for the address of the dashboard. */
export const addDashboardOptions = (command: Command): Command =>
  command
    .option('--port <port>', 'the port that the dashboard listens on', port, 7070)
    .option(
      '--host <address>',
      'the address to listen on; other than loopback, a login is required',
      '127.0.0.1',
    );

/** The public address of the dashboard, and the address that it listens on if that differs. */
export const dashboardAddress = ({ url, listensAt }: { url: string; listensAt: string }): string =>
  `${maskAddress(url)}${url === listensAt ? '' : `, and listens at ${listensAt}`}`;

function port(text: string): number {
  const found = wholeNumber(text, 0, 65_535);
  if (found === null)
    throw new FleetError('CONFIG_INVALID', `"${text}" is not a port`, { advice: 'Allowed: 0 to 65535' });
  return found;
}
