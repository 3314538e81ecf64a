import { dirname } from 'node:path';
import type { App } from '../../app/app.ts';
import { chooseStateFile } from '../../app/config.ts';
import { type DecnetBeside, decnetBeside } from '../../app/decnet-beside.ts';
import { type OwnReconciler, ownReconcilers } from '../../app/decnet-reconciler.ts';
import { localHost } from '../../fleet/decky.ts';
import { type Finding, note, ok } from './finding.ts';

/** Checks what of DECNET is on this machine: its version, and what of it gets in the way of ours or the other way round. */
export async function checkDecnet({ config }: App): Promise<readonly Finding[]> {
  const stateFile = chooseStateFile(config);
  const [beside, reconcilers] = await Promise.all([
    decnetBeside(stateFile === null ? null : dirname(stateFile)),
    // Where its table is kept, that check names them. They work only on the host `local`.
    config.decnetDatabaseUrl === null && config.host === localHost ? ownReconcilers() : [],
  ]);
  return besideFindings(beside, reconcilers);
}

export function besideFindings(
  { found, endangered, conflicting }: DecnetBeside,
  [reconciler]: readonly OwnReconciler[],
): readonly Finding[] {
  const parts = [
    ...(found === null ? [] : [`version ${found.version} in ${found.directory}`]),
    ...(reconciler === undefined
      ? []
      : [`its own reconciler keeps its own table: ${reconciler.command} (process ${reconciler.pid})`]),
  ];
  return [
    ...(parts.length === 0 ? [] : [ok(parts.join('; '))]),
    ...endangered.map((path) =>
      note(
        `${path} starts decnet-fleet, and DECNET's uninstall removes units of that name. Use the units of deploy/systemd, which are called fleet-…`,
      ),
    ),
    ...(conflicting === null
      ? []
      : [
          note(
            `${conflicting} conflicts with decnet-supervise-batch.service: starting one stops the other. DECNET 1.2 and newer has no such unit: systemctl disable --now decnet-reconciler, and remove the file`,
          ),
        ]),
  ];
}
