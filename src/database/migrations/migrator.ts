import { Migrator } from '@mikro-orm/migrations';
import type { MikroORM } from '@mikro-orm/postgresql';
import { FleetTables } from './001-fleet-tables.ts';
import { GrantedHosts } from './002-granted-hosts.ts';
import { Notifications } from './003-notifications.ts';
import { PassFigures } from './004-pass-figures.ts';

/** In the order in which they run. */
const migrationsList = [
  { name: '001-fleet-tables', class: FleetTables },
  { name: '002-granted-hosts', class: GrantedHosts },
  { name: '003-notifications', class: Notifications },
  { name: '004-pass-figures', class: PassFigures },
];

export function migratorOf(orm: MikroORM): Migrator {
  orm.config.set('migrations', {
    ...orm.config.get('migrations'),
    migrationsList,
    snapshot: false,
    tableName: 'fleet_migrations',
    silent: true,
  });
  return new Migrator(orm.em);
}
