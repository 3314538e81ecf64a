import { defineEntity, p } from '@mikro-orm/core';
import { fleetStates } from '../fleet/state.ts';
import type { Json, JsonObject } from '../lib/json.ts';

/** One decky as dashboards, APIs and orchestrators read it. @see DOMAIN.md, `fleet_deckies` */
export const FleetDecky = defineEntity({
  name: 'FleetDecky',
  tableName: 'fleet_deckies',
  properties: {
    hostUuid: p.string().length(64).primary(),
    name: p.string().length(128).primary(),
    services: p.json<readonly Json[]>().defaultRaw(`'[]'::jsonb`),
    deckyConfig: p.json<JsonObject>().nullable(),
    deckyIp: p.text().nullable(),
    state: p.enum(fleetStates),
    lastError: p.text().nullable(),
    /** Its writers' own, as `lastSeen`: no pass touches them. */
    composeHash: p.text().nullable(),
    lastSeen: p.datetime().nullable(),
    updatedAt: p.datetime(6).defaultRaw('now()'),
    /** Equal to `updatedAt` when a pass wrote last. */
    reconciledAt: p.datetime(6).nullable(),
  },
});
