import { queueName } from './job.ts';
import { controlTopic, healthTopic, redisChannel, stateTopic } from './topics.ts';

/** The default prefix of BullMQ's keys. */
const keyPrefix = 'bull';

/** The maximum length of the host's name within the name of a role. */
const maxHostLength = 40;
const rolePrefix = (host: string): string =>
  `decnet_${host
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '_')
    .slice(0, maxHostLength)}_`;

/** The user name of a host's worker, valid in PostgreSQL and in Redis. @param tag six hexadecimal digits */
export const roleName = (host: string, tag: string): string => `${rolePrefix(host)}${tag}`;

const madeByGrant = /^(decnet_.*_)[0-9a-f]{6}$/;

/**
 * Whether a connection that claims to be a worker of a queue may serve it. The user of a host can give its connection
 * any name, including that of another host's worker. @param user the user name of its login
 */
export function mayServe(user: string, queue: string): boolean {
  const prefix = madeByGrant.exec(user)?.[1];
  return (
    prefix === undefined ||
    (queue.startsWith(queueName('')) && prefix === rolePrefix(queue.slice(queueName('').length)))
  );
}

const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** The tables with rows of every host, and the functions that delete some of these rows. */
const tablesOfHosts = 'fleet_deckies, fleet_hosts, fleet_transitions, fleet_gaps, fleet_alarms';
const functionsOfWorker = 'fleet_delete_deckies(text, text[], text[]), fleet_prune_transitions(text, int)';

/**
 * The privileges of a host's worker; row-level security limits them to its own rows. They are granted on columns,
 * because a role that may update or delete on a whole table may also lock it, and because only the sequence assigns the
 * id of a transition.
 */
const rights: readonly string[] = [
  `select on ${tablesOfHosts}`,
  `insert (host_uuid, name, services, decky_config, decky_ip, state, last_error, last_seen, updated_at, reconciled_at),
    update (services, decky_config, decky_ip, state, last_error, last_seen, updated_at, reconciled_at) on fleet_deckies`,
  `insert (host_uuid, identity, interval_s), update (turn, identity, interval_s, last_pass_at, last_full_pass_at,
    last_observed_at, last_error, version, counts, notes, figures, stopped_at, stopped_by) on fleet_hosts`,
  'insert (host_uuid, name, from_state, to_state, reason, at, job_id, cause) on fleet_transitions',
  'insert (host_uuid, from_at, to_at) on fleet_gaps',
  // Only workers of earlier versions write `recent`.
  `insert (host_uuid, name, state, told, reason, since, changed_at, recent, cause, unsettled_at),
    update (state, reason, since, changed_at, recent, cause, unsettled_at, last_lines) on fleet_alarms`,
  `execute on function ${functionsOfWorker}`,
].map((right) => right.replace(/\s+/g, ' '));

/** One `grant` statement for each right. @param role a name, quoted if necessary */
export const rightsOf = (role: string): readonly string[] =>
  rights.map((right) => `grant ${right} to ${role};`);

/** Revokes every right that any version has granted to a role. */
export const withoutRights = (role: string): readonly string[] => [
  `revoke all on ${tablesOfHosts} from ${role};`,
  `revoke all on function ${functionsOfWorker} from ${role};`,
];

/** A worker needs at most six connections. The others are for a command on the same host. */
const connectionsOfWorker = 10;

/**
 * Limits the load of one worker on the server. A role can raise the timeouts for its session, but not the connection
 * limit.
 */
export const limitsOf = (role: string): readonly string[] => [
  `alter role ${role} connection limit ${connectionsOfWorker};`,
  `alter role ${role} set statement_timeout = '60s';`,
  `alter role ${role} set lock_timeout = '20s';`,
  `alter role ${role} set idle_in_transaction_session_timeout = '30s';`,
];

/**
 * PL/pgSQL statements that revoke rights which PostgreSQL grants to every role by default and no worker needs: to
 * create objects in the schema (version 14 and older), and to create temporary tables (all versions).
 */
export const withoutPublicRights: readonly string[] = [
  `execute format('revoke create on schema %s from public', (select relnamespace::regnamespace from pg_class where oid = 'fleet_hosts'::regclass));`,
  `execute format('revoke temporary on database %I from public', current_database());`,
];

/** One transaction that creates a role which can read and write only the rows of one host. */
export const grantSql = (host: string, role: string, password: string): readonly string[] => [
  'begin;',
  `create role ${role} login nosuperuser nocreatedb nocreaterole noreplication nobypassrls password ${literal(password)};`,
  ...limitsOf(role),
  `insert into fleet_grants (role_name, host_uuid) values (${literal(role)}, ${literal(host)});`,
  ...rightsOf(role),
  ...withoutPublicRights.map((statement) => `do $$ begin ${statement} end $$;`),
  'commit;',
];

/** One transaction that lets an existing role read and write the rows of all hosts. @param role its name, unquoted */
export const masterSql = (role: string): readonly string[] => {
  const name = identifier(role);
  return [
    'begin;',
    `insert into fleet_masters (role_name) values (${literal(role)}) on conflict do nothing;`,
    `grant select, insert, update, delete on ${tablesOfHosts}, fleet_notifications, fleet_incidents, fleet_silences, fleet_audit, fleet_limits, fleet_locks, fleet_heartbeat to ${name};`,
    `grant select on fleet_grants, fleet_masters, fleet_migrations to ${name};`,
    `grant execute on function ${functionsOfWorker} to ${name};`,
    'commit;',
  ];
};

/** The statements that remove a role, in this order. */
export interface Revocation {
  /** One transaction, after which the role cannot log in and reads no rows. */
  readonly shut: readonly string[];
  /** Ends its sessions and returns their number. Before `shut`, they could reconnect. */
  readonly terminate: string;
  /** One transaction that drops the role. */
  readonly drop: readonly string[];
}

/** The statements that remove a role. @param role its name, unquoted */
export const revocationOf = (role: string): Revocation => {
  const name = identifier(role);
  return {
    shut: [
      `alter role ${name} nologin;`,
      `delete from fleet_grants where role_name = ${literal(role)};`,
      // The creator of a role is not a member of it, and only a member may end its sessions and drop its rights.
      `grant ${name} to current_user;`,
    ],
    terminate: `select count(pg_terminate_backend(pid))::int as ended from pg_stat_activity where usename = ${literal(role)};`,
    drop: [`drop owned by ${name};`, `drop role ${name};`],
  };
};

/** The result of revoking one role or user. */
export interface Ended {
  readonly kind: 'role' | 'user';
  /** The name of the PostgreSQL role or of the Redis user. */
  readonly name: string;
  /** The number of its sessions that were closed. */
  readonly sessions: number;
  /** Why it could not be removed; null: it was removed. */
  readonly refused: string | null;
  /** What must be done manually; null: nothing. */
  readonly note: string | null;
}

/** The statements of a revocation as one list, to print. */
export const revokeSql = (role: string): readonly string[] => {
  const { shut, terminate, drop } = revocationOf(role);
  return ['begin;', ...shut, 'commit;', terminate, 'begin;', ...drop, 'commit;'];
};

/**
 * A PostgreSQL pattern for the names of all roles that `grant` creates for a host. Hosts with similar names share it.
 */
export const rolePattern = (host: string): string => `^${rolePrefix(host)}[0-9a-f]{6}$`;

/**
 * The users in Redis's `ACL LIST` that `grant` created for a host. All logical databases share the users of a server;
 * those of another database belong to another fleet.
 */
export const usersOf = (host: string, list: readonly string[], database: number): readonly string[] =>
  list
    .map((line) => line.split(' '))
    .filter(([, user = '', ...rules]) => madeByGrant.test(user) && rules.includes(`~${queueKeys(host)}`))
    .filter(
      (rules) => (rules.find((rule) => rule.startsWith('+select|')) ?? '+select|0') === `+select|${database}`,
    )
    .map(([, user = '']) => user);

/**
 * The commands that BullMQ, its scripts and our own messages use. A new version of BullMQ may need more; a worker then
 * reports which one it is not allowed to run. Commands that reveal other keys or clients are excluded.
 */
const commandsOfWorker: readonly string[] = [
  // Connections. BullMQ and ioredis call `info` first; it reveals the total number of keys.
  ...['hello', 'ping', 'quit', 'info', 'client|setname', 'client|id'],
  ...['eval', 'evalsha', 'multi', 'exec', 'discard', 'publish', 'time', 'type', 'exists', 'rename'],
  ...['del', 'unlink', 'pexpire', 'pexpireat', 'expire', 'pttl', 'ttl', 'persist'],
  ...['get', 'set', 'incr', 'incrby'],
  ...[
    'hget',
    'hset',
    'hmget',
    'hmset',
    'hgetall',
    'hdel',
    'hexists',
    'hincrby',
    'hkeys',
    'hlen',
    'hscan',
    'hstrlen',
  ],
  ...[
    'lindex',
    'llen',
    'lpop',
    'lpos',
    'lpush',
    'lrange',
    'lrem',
    'lset',
    'ltrim',
    'rpop',
    'rpoplpush',
    'rpush',
  ],
  ...['sadd', 'scard', 'sismember', 'smembers', 'srem', 'sscan'],
  ...['xadd', 'xdel', 'xlen', 'xrange', 'xread', 'xtrim'],
  ...[
    'zadd',
    'zcard',
    'zcount',
    'zlexcount',
    'zpopmin',
    'bzpopmin',
    'zrange',
    'zrangebylex',
    'zrangebyscore',
  ],
  ...['zrem', 'zremrangebyrank', 'zremrangebyscore', 'zrevrange', 'zrevrangebyscore', 'zscore'],
];

/** The pattern for the keys of a host's queue. */
export const queueKeys = (host: string): string => `${keyPrefix}:${queueName(host)}:*`;

/**
 * The command for Redis 7 or newer that creates a user which can use the queue of one host and publish its messages.
 * @param database the number of the fleet's logical database
 */
export function grantRedis(host: string, user: string, password: string, database: number): string {
  const channel = (topic: string): string => redisChannel(topic, database);
  const messages = channel(stateTopic(host, '*').replace(/\.state$/, '*'));
  return [
    `ACL SETUSER ${user} reset on >${password}`,
    `~${queueKeys(host)}`,
    `resetchannels &${messages} &${channel(healthTopic)}`,
    ...commandsOfWorker.map((command) => `+${command}`),
    // Connections start in database 0. A fleet in another database may select that one only.
    ...(database === 0 ? [] : [`+select|${database}`]),
    // May receive control messages, but not publish them.
    `(resetchannels &${channel(controlTopic)} -@all +subscribe +unsubscribe)`,
  ].join(' ');
}
