import { defineEntity, p } from '@mikro-orm/core';

/** One change of a row, written in the turn that made it. @see CONTRACT.md, "Tables" */
export const FleetTransition = defineEntity({
  name: 'FleetTransition',
  tableName: 'fleet_transitions',
  indexes: [
    { properties: ['hostUuid', 'name', 'id'] },
    { properties: ['hostUuid', 'at'] },
    { properties: ['at'] },
  ],
  properties: {
    id: p.bigint('number').primary().generated('by default as identity'),
    hostUuid: p.string().length(64),
    name: p.string().length(128),
    /** Null on insert. */
    fromState: p.text().nullable(),
    /** Null on delete. */
    toState: p.text().nullable(),
    reason: p.text(),
    at: p.datetime(6).defaultRaw('now()'),
    jobId: p.text().nullable(),
  },
});
