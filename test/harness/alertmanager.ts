import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from './program.ts';
import { programServer, type Server } from './servers.ts';
import { freePort } from './services.ts';

const program = await findProgram('prometheus-alertmanager');

export const noAlertmanager: false | string =
  program !== null ? false : 'prometheus-alertmanager is not installed';

/** An alert, as Alertmanager shows it. */
export interface ShownAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string;
}

/** A real Alertmanager with a directory of its own. It forgets its alerts when it stops. */
export async function alertmanager(): Promise<
  Server & { readonly port: number; alerts(): Promise<readonly ShownAlert[]> }
> {
  const directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-alertmanager-'));
  const port = await freePort();
  const config = join(directory, 'alertmanager.yml');
  writeFileSync(config, 'route:\n  receiver: nobody\nreceivers:\n  - name: nobody\n');
  const url = `http://127.0.0.1:${port}`;
  const args = [
    `--config.file=${config}`,
    `--storage.path=${join(directory, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--cluster.listen-address=',
  ];
  const server = programServer(directory, program ?? '', args, url, async () => {
    const { ok } = await fetch(`${url}/-/ready`);
    if (!ok) throw new Error('it is not ready');
  });
  await server.start();
  return {
    ...server,
    port,
    alerts: async () => (await fetch(`${url}/api/v2/alerts`)).json() as Promise<readonly ShownAlert[]>,
  };
}
