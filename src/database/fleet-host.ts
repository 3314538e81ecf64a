import { defineEntity, p } from '@mikro-orm/core';
import type { Json } from '../lib/json.ts';

/** One host, its turns and its last passes. @see CONTRACT.md, "Tables" */
export const FleetHost = defineEntity({
  name: 'FleetHost',
  tableName: 'fleet_hosts',
  properties: {
    hostUuid: p.string().length(64).primary(),
    /** The machine that this host is; null until a pass was there. */
    identity: p.text().nullable(),
    /** How many passes had their turn. */
    turn: p.bigint('number').defaultRaw('0'),
    intervalS: p.integer().nullable(),
    firstSeenAt: p.datetime(6).defaultRaw('now()'),
    lastPassAt: p.datetime(6).nullable(),
    lastFullPassAt: p.datetime(6).nullable(),
    /** When Docker answered last. */
    lastObservedAt: p.datetime(6).nullable(),
    lastError: p.text().nullable(),
    version: p.text().nullable(),
    /** Of the last full pass. */
    counts: p.json<Json>().nullable(),
    /** The rows held, left to their writer, or contested. @see Notes */
    notes: p.json<Json>().nullable(),
    /** What its passes add up to. @see Figures */
    figures: p.json<Json>().nullable(),
  },
});
