import { defineEntity, p } from '@mikro-orm/core';
import type { JsonObject } from '../lib/json.ts';

/** A message that is still to be sent. */
export const FleetNotification = defineEntity({
  name: 'FleetNotification',
  tableName: 'fleet_notifications',
  indexes: [{ properties: ['hostUuid', 'position'] }],
  properties: {
    /** Keeps the order of a host's messages. */
    position: p.bigint('number').primary().generated('by default as identity'),
    /** What a receiver knows a repeat by. */
    id: p.uuid().unique().defaultRaw('gen_random_uuid()'),
    hostUuid: p.string().length(64),
    body: p.json<JsonObject>(),
    attempts: p.integer().default(0),
    createdAt: p.datetime(6).defaultRaw('now()'),
    /** Not sent before: a back-off, or the lease of a process that is sending it. */
    dueAt: p.datetime(6).defaultRaw('now()'),
  },
});
