import type { App } from '../../app/app.ts';
import { givenWho, givenWhy } from '../../fleet/who-why.ts';
import { FleetError } from '../../lib/errors.ts';
import { didYouMean } from '../../lib/similar.ts';
import { audited, whoRuns } from '../audited.ts';
import { type Register, withApp } from '../context.ts';

/** More open incidents than these are not compared with a mistyped id. */
const compared = 1000;

/** Says that somebody takes care of an incident. */
export const ack: Register = (command, context) => {
  command
    .argument('<incident>', 'its id, as `incidents` lists it')
    .requiredOption('--why <text>', 'what is being done', givenWhy)
    .option('--who <name>', 'who does it (default: the user of the operating system)', givenWho)
    .action((incident: string, { why, who }: { why: string; who?: string }) =>
      withApp(context, async (app) => {
        const by = whoRuns(who);
        await audited(app, context, { act: 'ack', target: incident, details: why, who }, async () => {
          if (!(await (await app.silences()).acknowledge(incident, by, why)))
            throw await notOpen(app, incident);
        });
        context.print(
          `Incident ${incident} is acknowledged by ${by}. To take that back: decnet-fleet unack ${incident}`,
        );
      }),
    );
};

/** Takes an acknowledgement back. */
export const unack: Register = (command, context) => {
  command.argument('<incident>', 'its id, as `incidents` lists it').action((incident: string) =>
    withApp(context, async (app) => {
      await audited(app, context, { act: 'unack', target: incident }, async () => {
        if (!(await (await app.silences()).unacknowledge(incident))) throw await notOpen(app, incident);
      });
      context.print(`Incident ${incident} is no longer acknowledged.`);
    }),
  );
};

async function notOpen(app: App, incident: string): Promise<FleetError> {
  const open = await (await app.report()).incidents({ open: true, since: null, limit: compared });
  const ids = open.map(({ id }) => id);
  if (ids.includes(incident)) return new FleetError('NOT_FOUND', `Incident ${incident} is not acknowledged`);
  return new FleetError('NOT_FOUND', `Incident ${incident} is not open`, {
    advice: `${didYouMean(incident, ids)}\`decnet-fleet incidents --open\` lists those that are`,
  });
}
