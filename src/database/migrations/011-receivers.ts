import { FleetMigration } from './migration.ts';

/** Messages for several receivers: each has its own row, and waits only for its own receiver. */
export class ReceiverDeliveries extends FleetMigration {
  override up(): void {
    // Messages of an earlier version, and those that it still writes, are for the one receiver that it knows.
    this.addSql(`alter table fleet_notifications add column receiver text not null default '',
      add column fault text null`);
    this.addSql(`create index fleet_notifications_receiver_host_uuid_position_index
      on fleet_notifications (receiver, host_uuid, position)`);
  }
}
