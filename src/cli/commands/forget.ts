import { createInterface } from 'node:readline/promises';
import { requireHost } from '../../app/known-hosts.ts';
import { isLegalHost } from '../../fleet/decky.ts';
import { queueName } from '../../fleet/job.ts';
import { FleetError } from '../../lib/errors.ts';
import { audited } from '../audited.ts';
import { type Register, withApp } from '../context.ts';
import { option } from '../options.ts';
import { countOf } from '../text.ts';

/** Retires a host: its queue, its rows and its record. */
export const forget: Register = (command, context) => {
  command
    .requiredOption('--host <host>', 'the host')
    .option('--yes', 'do not ask for confirmation')
    .action(({ host, yes }: { host: string; yes?: true }) =>
      withApp(context, async (app) => {
        const backend = await app.queues();
        const report = await app.report();
        const rows = await report.countRows(host, []);
        if (rows === 0) option.host(host);
        await requireHost(app, host);
        // Rows of another program may have any host name. A host with a name that is not legal has no queue and no worker.
        const hasQueue = isLegalHost(host);
        if (hasQueue && (await app.isWorkerRunning(host))) {
          throw new FleetError('CHECK_FAILED', `The worker of host ${host} is running`, {
            advice: `Nothing was removed. Stop it first: decnet-fleet stop --host ${host}`,
          });
        }
        if (!yes && !(await confirm(host, rows))) return context.print('Nothing was removed.');
        const isGranted = await report.isGranted(host);
        await audited(app, context, { act: 'forget', host, details: countOf(rows, 'row') }, async () => {
          await (await app.ledger()).forget(host);
          if (hasQueue) await backend.obliterate(queueName(host));
        });
        context.print(`Removed host ${host} and ${countOf(rows, 'row')}.`);
        if (isGranted)
          context.note(
            `Its worker can still log in. To end its access, run: decnet-fleet grant --host ${host} --revoke`,
          );
        if (app.config.hosts.includes(host))
          context.note(`DECNET_HOSTS still includes ${host}: remove it there, too.`);
      }),
    );
};

/** @throws FleetError CONFIG_INVALID when standard input or standard error is not a terminal */
async function confirm(host: string, rows: number): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new FleetError('CONFIG_INVALID', 'forget asks for confirmation, which requires a terminal', {
      advice: 'Add --yes',
    });
  }
  const ask = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await ask.question(
      `Remove host ${host}: its queue, ${countOf(rows, 'row')} and their history? [y/N] `,
    );
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    ask.close();
  }
}
