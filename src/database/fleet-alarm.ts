import { defineEntity, p } from '@mikro-orm/core';

/** A decky that is not as it should be or was so lately; with an empty name, the host itself. @see fleet/alarm.ts */
export const FleetAlarm = defineEntity({
  name: 'FleetAlarm',
  tableName: 'fleet_alarms',
  properties: {
    hostUuid: p.string().length(64).primary(),
    name: p.string().length(128).primary(),
    state: p.text(),
    /** The last state that was told. */
    told: p.text(),
    reason: p.text().nullable(),
    since: p.datetime(6),
    changedAt: p.datetime(6),
    /** When it changed last: the newest few, epoch seconds. */
    recent: p.json<readonly number[]>().defaultRaw(`'[]'`),
  },
});
