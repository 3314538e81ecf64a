import { wholeNumber } from '../../config.ts';
import { FleetError } from '../../errors.ts';
import { maskAddress } from '../../fleet/mask.ts';
import { type Register, untilStopped, withFleet } from '../context.ts';

export const dashboardPort = 7070;

/** The web pages, until it is stopped. */
export const dashboard: Register = (program, context) => {
  program
    .command('dashboard')
    .description('serve the web pages: the fleet live, its queues, its metrics')
    .option('--port <port>', 'where to listen', port, dashboardPort)
    .option('--host <address>', 'on which address; beyond loopback it needs a login', '127.0.0.1')
    .addHelpText(
      'after',
      `
Without DASHBOARD_USER and DASHBOARD_PASSWORD it is read-only and listens on loopback alone.
Behind a proxy set DASHBOARD_PUBLIC_URL to the address that people use.

Examples:
  $ decnet-fleet dashboard
  $ DASHBOARD_USER=ops DASHBOARD_PASSWORD=… decnet-fleet dashboard --host 0.0.0.0`,
    )
    .action(({ port: chosen, host }: { port: number; host: string }) =>
      withFleet(context, async (fleet) => {
        const { url, listensAt } = await fleet.dashboard({ host, port: chosen });
        context.print(
          `The dashboard is at ${maskAddress(url)}${url === listensAt ? '' : `, and listens at ${listensAt}`}`,
        );
        if (fleet.config.login === null)
          context.print('It is read-only: DASHBOARD_USER and DASHBOARD_PASSWORD are not set.');
        context.print('Ctrl-C stops it.');
        await untilStopped(fleet.log);
      }),
    );
};

function port(text: string): number {
  const found = wholeNumber(text, 0, 65_535);
  if (found === null)
    throw new FleetError('CONFIG_INVALID', `"${text}" is no port`, { advice: 'Allowed: 0 to 65535' });
  return found;
}
