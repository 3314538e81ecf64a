import { defineEntity, p } from '@mikro-orm/core';

/** A time in which nobody looked at a host. @see CONTRACT.md, "Tables" */
export const FleetGap = defineEntity({
  name: 'FleetGap',
  tableName: 'fleet_gaps',
  properties: {
    hostUuid: p.string().length(64).primary(),
    fromAt: p.datetime(6).primary(),
    toAt: p.datetime(6),
  },
});
