import { defineEntity, p } from '@mikro-orm/core';
import { fleetStates } from '../fleet/state.ts';
import type { Json, JsonObject } from '../lib/json.ts';

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
    /** The rows held, left to their writer, or contested. @see Memory */
    notes: p.json<Json>().nullable(),
    /** What its passes add up to. @see Figures */
    figures: p.json<Json>().nullable(),
  },
});

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

/** A time without a full pass of a host. @see CONTRACT.md, "Tables" */
export const FleetGap = defineEntity({
  name: 'FleetGap',
  tableName: 'fleet_gaps',
  properties: {
    hostUuid: p.string().length(64).primary(),
    fromAt: p.datetime(6).primary(),
    toAt: p.datetime(6),
  },
});

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

/** Every table that MikroORM describes. */
export const entities = [FleetHost, FleetDecky, FleetTransition, FleetGap, FleetAlarm, FleetNotification];
