import type { OurRow } from '../../src/fleet/decnet-table/content.ts';
import type { DecnetRow } from '../../src/fleet/decnet-table/row.ts';
import { timeText } from '../../src/fleet/decnet-table/times.ts';

/** A row of DECNET's table that agrees with one of ours, in SQLite's precision. */
export const theirRow = (ours: OurRow): DecnetRow => ({
  name: ours.name,
  services: JSON.stringify(ours.services),
  deckyConfig: JSON.stringify(ours.config),
  deckyIp: ours.ip,
  state: ours.state,
  lastError: ours.lastError,
  lastSeen: ours.lastSeenUs === null ? null : timeText(ours.lastSeenUs),
  updatedAt: timeText(ours.updatedUs),
});
