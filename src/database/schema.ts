import { defineEntity, p } from '@mikro-orm/core';
import { fleetStates } from '../fleet/state.ts';
import type { Json, JsonObject } from '../lib/json.ts';

/** A host and its last passes. @see CONTRACT.md, "Tables" */
export const FleetHost = defineEntity({
  name: 'FleetHost',
  tableName: 'fleet_hosts',
  properties: {
    hostUuid: p.string().length(64).primary(),
    /** The identity of the host's machine; null before the first pass. */
    identity: p.text().nullable(),
    /** The number of committed passes. */
    generation: p.bigint('number').defaultRaw('0').name('turn'),
    intervalS: p.integer().nullable(),
    firstSeenAt: p.datetime(6).defaultRaw('now()'),
    lastPassAt: p.datetime(6).nullable(),
    lastFullPassAt: p.datetime(6).nullable(),
    /** When Docker last answered. */
    lastObservedAt: p.datetime(6).nullable(),
    lastError: p.text().nullable(),
    version: p.text().nullable(),
    /** The counts of the last full pass. */
    counts: p.json<Json>().nullable(),
    /** The rows that are held, left to their writer or contested. @see Memory */
    memory: p.json<Json>().nullable().name('notes'),
    /** The sums over its passes. @see Figures */
    figures: p.json<Json>().nullable(),
    /** When its worker stopped on request; null: a worker has started since. */
    stoppedAt: p.datetime(6).nullable(),
    /** Who asked for that, as the message says. */
    stoppedBy: p.text().nullable(),
    /** Since when somebody has paused its passes; null: nobody has. */
    pausedAt: p.datetime(6).nullable(),
    /** When that ends by itself; null: it does not. */
    pausedUntil: p.datetime(6).nullable(),
    pausedBy: p.text().nullable(),
    pausedWhy: p.text().nullable(),
    /** When the last pause ended; null: none has, or the host is paused. */
    resumedAt: p.datetime(6).nullable(),
  },
});

/** A decky. @see DOMAIN.md, `fleet_deckies` */
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
    /** Written only by other programs; a pass does not change it. */
    composeHash: p.text().nullable(),
    /** When the last change of its state was observed. */
    lastSeen: p.datetime().nullable(),
    updatedAt: p.datetime(6).defaultRaw('now()'),
    /** Equal to `updatedAt` if the last writer was a pass. */
    reconciledAt: p.datetime(6).nullable(),
  },
});

/** A change of a row, written in the same transaction. @see CONTRACT.md, "Tables" */
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
    /** Null also in rows of older versions. @see Cause */
    cause: p.json<Json>().nullable(),
  },
});

/** A period without a full pass of a host. @see CONTRACT.md, "Tables" */
export const FleetGap = defineEntity({
  name: 'FleetGap',
  tableName: 'fleet_gaps',
  properties: {
    hostUuid: p.string().length(64).primary(),
    fromAt: p.datetime(6).primary(),
    toAt: p.datetime(6),
  },
});

/** The current or recent alert of a decky, or with an empty name, of the host itself. @see fleet/alerts/alert.ts */
export const FleetAlarm = defineEntity({
  name: 'FleetAlarm',
  tableName: 'fleet_alarms',
  properties: {
    hostUuid: p.string().length(64).primary(),
    name: p.string().length(128).primary(),
    state: p.text(),
    /** The last state for which a notification was sent. */
    notified: p.text().name('told'),
    reason: p.text().nullable(),
    since: p.datetime(6),
    changedAt: p.datetime(6),
    /** The times of the latest notifications, epoch seconds. */
    recent: p.json<readonly number[]>().defaultRaw(`'[]'`),
    /** @see Cause */
    cause: p.json<Json>().nullable(),
    /** When the changes began that no notification was about yet. */
    unsettledAt: p.datetime(6).nullable(),
    /** The end of the log of the container that took it down. @see LastLines */
    lastLines: p.json<Json>().nullable(),
    /** The id of the open incident that it belongs to. */
    incident: p.text().nullable(),
    /** Whether a message has named it as affected by this incident. */
    incidentNotified: p.boolean().default(false).name('incident_told'),
  },
});

/** A notification that is not sent yet. */
export const FleetNotification = defineEntity({
  name: 'FleetNotification',
  tableName: 'fleet_notifications',
  indexes: [{ properties: ['hostUuid', 'position'] }, { properties: ['receiver', 'hostUuid', 'position'] }],
  properties: {
    /** Keeps the order of a host's messages. */
    position: p.bigint('number').primary().generated('by default as identity'),
    /** Receivers recognize a repeated message by it. */
    id: p.uuid().unique().defaultRaw('gen_random_uuid()'),
    hostUuid: p.string().length(64),
    body: p.json<JsonObject>(),
    attempts: p.integer().default(0),
    createdAt: p.datetime(6).defaultRaw('now()'),
    /** The message is not sent before this time: a back-off, or the lease of a process that is sending it. */
    dueAt: p.datetime(6).defaultRaw('now()'),
    /** Its key; empty: the receiver of DECNET_WEBHOOK_URL. */
    receiver: p.text().default(''),
    /** Why the last attempt failed. */
    fault: p.text().nullable(),
  },
});

/** An incident, open or closed. @see fleet/incidents/incident.ts */
export const FleetIncident = defineEntity({
  name: 'FleetIncident',
  tableName: 'fleet_incidents',
  indexes: [{ properties: ['id', 'closedAt'] }, { properties: ['closedAt'] }],
  properties: {
    position: p.bigint('number').primary().generated('by default as identity'),
    /** The same for each time that the cause comes back; one of them is open. */
    id: p.text(),
    kind: p.text(),
    severity: p.text(),
    cause: p.text(),
    nextHost: p.text().nullable(),
    nextCommand: p.text(),
    since: p.datetime(6),
    openedAt: p.datetime(6),
    /** When what it affects changed last. */
    changedAt: p.datetime(6),
    closedAt: p.datetime(6).nullable(),
    resolution: p.text().nullable(),
    extent: p.json<Json>(),
    /** The largest extent. */
    most: p.json<Json>(),
    /** The first things that it affects, or last affected. */
    affected: p.json<Json>(),
    /** The first things that it has affected so far. */
    ever: p.json<Json>(),
    /** What the last message said, and when it was sent. */
    notified: p.json<Json>().nullable().name('told'),
    endNotified: p.boolean().default(false).name('end_told'),
    /** The silence that keeps it from being sent, and all that ever did. */
    silencedBy: p.bigint('string').nullable(),
    silencedEver: p.json<Json>().default('[]'),
    unsilencedAt: p.datetime(6).nullable(),
    acknowledgedAt: p.datetime(6).nullable(),
    acknowledgedBy: p.text().nullable(),
    acknowledgedWhy: p.text().nullable(),
    /** How severe it was then. */
    acknowledgedSeverity: p.text().nullable(),
  },
});

/** Incidents that are recorded and not sent for a time. @see fleet/silences/silence.ts */
export const FleetSilence = defineEntity({
  name: 'FleetSilence',
  tableName: 'fleet_silences',
  properties: {
    id: p.bigint('number').primary().generated('by default as identity'),
    scope: p.text(),
    hostUuid: p.text().nullable(),
    name: p.text().nullable(),
    kind: p.text().nullable(),
    startsAt: p.datetime(6),
    until: p.datetime(6),
    every: p.text().nullable(),
    who: p.text(),
    why: p.text(),
    endedAt: p.datetime(6).nullable(),
    endedBy: p.text().nullable(),
    /** Since when it is active, as the last evaluation saw it; null once its end is summed up. */
    activeSince: p.datetime(6).nullable(),
  },
});

/** What somebody did. @see fleet/audit.ts */
export const FleetAudit = defineEntity({
  name: 'FleetAudit',
  tableName: 'fleet_audit',
  indexes: [{ properties: ['at'] }],
  properties: {
    id: p.bigint('number').primary().generated('by default as identity'),
    at: p.datetime(6).defaultRaw('clock_timestamp()'),
    who: p.text(),
    via: p.text(),
    act: p.text(),
    hostUuid: p.text().nullable(),
    target: p.text().nullable(),
    details: p.text().nullable(),
    outcome: p.text(),
  },
});

/** All tables that MikroORM describes. */
export const entities = [
  FleetHost,
  FleetDecky,
  FleetTransition,
  FleetGap,
  FleetAlarm,
  FleetNotification,
  FleetIncident,
  FleetSilence,
  FleetAudit,
];
