import { queueName } from './job.ts';
import { controlTopic, healthTopic, stateTopic } from './topics.ts';

/** BullMQ's own prefix of its keys. */
const keyPrefix = 'bull';

/** Whom a host's worker logs in as: a legal name of PostgreSQL and of Redis. @param tag makes it unique */
export const roleName = (host: string, tag: string): string =>
  `decnet_${host
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '_')
    .slice(0, 40)}_${tag}`;

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** The statements that make a role which can read and write one host's rows and nothing else. */
export function grantSql(host: string, role: string, password: string): readonly string[] {
  return [
    `create role ${role} login password ${literal(password)};`,
    `insert into fleet_grants (role_name, host_uuid) values (${literal(role)}, ${literal(host)});`,
    `grant select, insert, update, delete on fleet_deckies to ${role};`,
    `grant select, insert, update on fleet_hosts to ${role};`,
    `grant select, insert, delete on fleet_transitions to ${role};`,
    `grant select, insert on fleet_gaps to ${role};`,
    `grant select, insert, update on fleet_alarms to ${role};`,
  ];
}

/**
 * The command of Redis 7 or newer that makes a user who can use one host's queue and send its messages. Its scripts may run what the
 * user may; what tells about other keys, or stops other clients' scripts, is left out.
 */
export function grantRedis(host: string, user: string, password: string): string {
  const messages = stateTopic(host, '*').replace(/\.state$/, '*');
  const commands = [
    '+@all',
    '-@admin',
    '-@dangerous',
    '+info',
    '-scan',
    '-randomkey',
    '-dbsize',
    '-script',
    '-function',
    '-pubsub',
  ];
  return [
    `ACL SETUSER ${user} reset on >${password}`,
    `~${keyPrefix}:${queueName(host)}:*`,
    `resetchannels &${messages} &${healthTopic}`,
    ...commands,
    // Hears who is asked to stop, and can ask nobody.
    `(resetchannels &${controlTopic} -@all +subscribe +unsubscribe)`,
  ].join(' ');
}
