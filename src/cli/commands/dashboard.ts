import { keepHeapSmall, releaseWhileIdle } from '../../lib/heap.ts';
import { type Register, untilStopped, withApp } from '../context.ts';
import { addDashboardOptions, type DashboardOptions, dashboardAddress } from '../dashboard-options.ts';
import { reports } from '../roles.ts';

/** Serves the web pages until it is stopped. */
export const dashboard: Register = (command, context) => {
  addDashboardOptions(command)
    .addHelpText(
      'after',
      `
Without DASHBOARD_USER and DASHBOARD_PASSWORD, or a file of users in DASHBOARD_USERS_FILE, the dashboard is
read-only and listens only on loopback. \`decnet-fleet hash-password\` makes the hashes of that file.
Behind a proxy, set DASHBOARD_PUBLIC_URL to the address that browsers use, including any path, and
DASHBOARD_HOSTS to any other host names to accept (comma-separated).`,
    )
    .action((listen: DashboardOptions) => {
      keepHeapSmall();
      releaseWhileIdle();
      return withApp(
        context,
        async (app) => {
          const stopped = untilStopped(app.log);
          const service = await reports(app, stopped);
          const opened = await app.dashboard(listen, service);
          context.print(`The dashboard is at ${dashboardAddress(opened)}`);
          if (opened.isReadOnly)
            context.print('It is read-only: DASHBOARD_USER and DASHBOARD_PASSWORD are not set.');
          context.print('Press Ctrl-C to stop.');
          await stopped;
        },
        { isLongLived: true },
      );
    });
};
