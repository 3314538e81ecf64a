import { Migrator } from '@mikro-orm/migrations';
import type { MikroORM } from '@mikro-orm/postgresql';
import { FleetTables } from './001-fleet-tables.ts';
import { GrantedHosts } from './002-granted-hosts.ts';
import { Notifications } from './003-notifications.ts';
import { PassFigures } from './004-pass-figures.ts';
import { StolenWorker } from './005-stolen-worker.ts';
import { Causes } from './006-causes.ts';
import { Settling } from './007-settling.ts';
import { StoppedWorkers } from './008-stopped-workers.ts';
import { Heartbeat } from './009-heartbeat.ts';
import { Incidents } from './010-incidents.ts';
import { ReceiverDeliveries } from './011-receivers.ts';
import { Silences } from './012-silences.ts';
import { Pauses } from './013-pauses.ts';
import { LastLines } from './014-last-lines.ts';
import { AuditLog } from './015-audit.ts';

/** All migrations, in their order. */
const migrationsList = [
  { name: '001-fleet-tables', class: FleetTables },
  { name: '002-granted-hosts', class: GrantedHosts },
  { name: '003-notifications', class: Notifications },
  { name: '004-pass-figures', class: PassFigures },
  { name: '005-stolen-worker', class: StolenWorker },
  { name: '006-causes', class: Causes },
  { name: '007-settling', class: Settling },
  { name: '008-stopped-workers', class: StoppedWorkers },
  { name: '009-heartbeat', class: Heartbeat },
  { name: '010-incidents', class: Incidents },
  { name: '011-receivers', class: ReceiverDeliveries },
  { name: '012-silences', class: Silences },
  { name: '013-pauses', class: Pauses },
  { name: '014-last-lines', class: LastLines },
  { name: '015-audit', class: AuditLog },
];

export const migrationNames: readonly string[] = migrationsList.map(({ name }) => name);

/**
 * Runs the pending migrations.
 * @param orm its search path must include the schema of the record of migrations
 * @param schema the schema of the tables, quoted
 * @param upTo the last migration to run
 * @returns the names of the migrations that were run
 */
export async function runMigrations(
  orm: MikroORM,
  schema: string,
  upTo?: string,
): Promise<readonly string[]> {
  orm.config.set('schema', schema.replace(/^"(.*)"$/, '$1').replaceAll('""', '"'));
  orm.config.set('migrations', {
    ...orm.config.get('migrations'),
    migrationsList,
    snapshot: false,
    tableName: 'fleet_migrations',
    silent: true,
  });
  const migrator = new Migrator(orm.em);
  const last = migrationNames.indexOf(upTo ?? migrationNames.at(-1) ?? '');
  const migrations = (await migrator.getPending())
    .map(({ name }) => name)
    .filter((name) => migrationNames.indexOf(name) <= last);
  if (migrations.length === 0) return [];
  return (await migrator.up({ migrations })).map(({ name }) => name);
}
