import { queueName } from './job.ts';
import { controlTopic, healthTopic, redisChannel, stateTopic } from './topics.ts';

/** BullMQ's own prefix of its keys. */
const keyPrefix = 'bull';

/** Longest part of a host's name in the name of its worker's role. */
const hostPart = 40;
const rolePrefix = (host: string): string =>
  `decnet_${host
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '_')
    .slice(0, hostPart)}_`;

/** Whom a host's worker logs in as: a legal name of PostgreSQL and of Redis. @param tag six hexadecimal digits */
export const roleName = (host: string, tag: string): string => `${rolePrefix(host)}${tag}`;

const madeByGrant = /^(decnet_.*_)[0-9a-f]{6}$/;

/**
 * Whether a connection that calls itself a worker of a queue may be one: a host's user can give itself any name, that of
 * another host's worker, too. @param user whom it logged in as
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

/** Tables that hold rows of each host, and what deletes some of them. */
const tablesOfHosts = 'fleet_deckies, fleet_hosts, fleet_transitions, fleet_gaps, fleet_alarms';
const functionsOfWorker = 'fleet_delete_deckies(text, text[], text[]), fleet_prune_transitions(text, int)';

/**
 * What a host's worker may do, its own rows given. Columns, not tables: a role that may update or delete the whole of a
 * table may lock it; and a transition's number is the sequence's to give.
 */
const rights: readonly string[] = [
  `select on ${tablesOfHosts}`,
  `insert (host_uuid, name, services, decky_config, decky_ip, state, last_error, last_seen, updated_at, reconciled_at),
    update (services, decky_config, decky_ip, state, last_error, last_seen, updated_at, reconciled_at) on fleet_deckies`,
  `insert (host_uuid, identity, interval_s), update (turn, identity, interval_s, last_pass_at, last_full_pass_at,
    last_observed_at, last_error, version, counts, notes, figures) on fleet_hosts`,
  'insert (host_uuid, name, from_state, to_state, reason, at, job_id) on fleet_transitions',
  'insert (host_uuid, from_at, to_at) on fleet_gaps',
  `insert (host_uuid, name, state, told, reason, since, changed_at, recent),
    update (state, reason, since, changed_at, recent) on fleet_alarms`,
  `execute on function ${functionsOfWorker}`,
].map((right) => right.replace(/\s+/g, ' '));

/** One statement for each of the rights. @param role a name, quoted where it needs it */
export const rightsOf = (role: string): readonly string[] =>
  rights.map((right) => `grant ${right} to ${role};`);

/** Takes from a role all that any version gave it. */
export const withoutRights = (role: string): readonly string[] => [
  `revoke all on ${tablesOfHosts} from ${role};`,
  `revoke all on function ${functionsOfWorker} from ${role};`,
];

/** A worker needs six connections at its busiest; the rest are for a command beside it. */
const connectionsOfWorker = 10;

/** What keeps one worker from using up the server. A role may raise the times for its own session, not the number. */
export const limitsOf = (role: string): readonly string[] => [
  `alter role ${role} connection limit ${connectionsOfWorker};`,
  `alter role ${role} set statement_timeout = '60s';`,
  `alter role ${role} set lock_timeout = '20s';`,
  `alter role ${role} set idle_in_transaction_session_timeout = '30s';`,
];

/**
 * What PostgreSQL lets every role do unless told otherwise (14 and older for the schema, all for temporary tables), and
 * what no worker needs: statements of PL/pgSQL.
 */
export const withoutPublicRights: readonly string[] = [
  `execute format('revoke create on schema %s from public', (select relnamespace::regnamespace from pg_class where oid = 'fleet_hosts'::regclass));`,
  `execute format('revoke temporary on database %I from public', current_database());`,
];

/** One transaction that makes a role which can read and write one host's rows and nothing else. */
export const grantSql = (host: string, role: string, password: string): readonly string[] => [
  'begin;',
  `create role ${role} login nosuperuser nocreatedb nocreaterole noreplication nobypassrls password ${literal(password)};`,
  ...limitsOf(role),
  `insert into fleet_grants (role_name, host_uuid) values (${literal(role)}, ${literal(host)});`,
  ...rightsOf(role),
  ...withoutPublicRights.map((statement) => `do $$ begin ${statement} end $$;`),
  'commit;',
];

/** One transaction that lets an existing role see and change the rows of all hosts. @param role as PostgreSQL lists it */
export const masterSql = (role: string): readonly string[] => {
  const name = identifier(role);
  return [
    'begin;',
    `insert into fleet_masters (role_name) values (${literal(role)}) on conflict do nothing;`,
    `grant select, insert, update, delete on ${tablesOfHosts}, fleet_notifications, fleet_limits, fleet_locks to ${name};`,
    `grant select on fleet_grants, fleet_masters, fleet_migrations to ${name};`,
    `grant execute on function ${functionsOfWorker} to ${name};`,
    'commit;',
  ];
};

/** What ends a role, in this order. */
export interface Revocation {
  /** In one transaction: it can no longer log in, and sees nothing. */
  readonly shut: readonly string[];
  /** Its sessions end: not before, or they would come back. Number of those that did. */
  readonly terminate: string;
  /** In one transaction: it is gone. */
  readonly drop: readonly string[];
}

/** @param role as PostgreSQL lists it */
export const revocationOf = (role: string): Revocation => {
  const name = identifier(role);
  return {
    shut: [
      `alter role ${name} nologin;`,
      `delete from fleet_grants where role_name = ${literal(role)};`,
      // Who made a role is no member of it, and only a member may end its sessions and drop its rights.
      `grant ${name} to current_user;`,
    ],
    terminate: `select count(pg_terminate_backend(pid))::int as ended from pg_stat_activity where usename = ${literal(role)};`,
    drop: [`drop owned by ${name};`, `drop role ${name};`],
  };
};

/** Somebody whose access was to be ended. */
export interface Ended {
  readonly kind: 'role' | 'user';
  /** Of PostgreSQL a role, of Redis a user. */
  readonly name: string;
  /** Its sessions that were closed. */
  readonly sessions: number;
  /** Why it could not be ended; null: it was. */
  readonly refused: string | null;
  /** What remains to be done by hand; null: nothing. */
  readonly note: string | null;
}

/** A revocation as text. */
export const revokeSql = (role: string): readonly string[] => {
  const { shut, terminate, drop } = revocationOf(role);
  return ['begin;', ...shut, 'commit;', terminate, 'begin;', ...drop, 'commit;'];
};

/** A pattern of PostgreSQL for the names of all roles that `grant` makes for a host. Hosts with like names share it. */
export const rolePattern = (host: string): string => `^${rolePrefix(host)}[0-9a-f]{6}$`;

/**
 * The users in Redis's list of them (`ACL LIST`) that `grant` made for a host. Users are the server's: those of another
 * logical database are another fleet's.
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
 * The commands that BullMQ, its scripts and our own messages use, and no other: a new version of BullMQ may need more,
 * and a worker that lacks one says which. Commands that tell about other keys or clients are not among them.
 */
const commandsOfWorker: readonly string[] = [
  // Connections: a name for itself. `info` is what BullMQ and ioredis ask first; it tells how many keys there are in all.
  ...['hello', 'ping', 'quit', 'info', 'client|setname', 'client|id'],
  ...['eval', 'evalsha', 'multi', 'exec', 'discard', 'publish', 'time', 'type', 'exists', 'rename'],
  ...['del', 'unlink', 'pexpire', 'pexpireat', 'expire', 'pttl', 'ttl', 'persist'],
  ...['get', 'set', 'incr', 'incrby'],
  ...['hget', 'hset', 'hmget', 'hmset', 'hgetall', 'hdel', 'hexists', 'hincrby', 'hlen', 'hscan'],
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

/** The pattern of the keys of a host's queue. */
export const queueKeys = (host: string): string => `${keyPrefix}:${queueName(host)}:*`;

/**
 * The command of Redis 7 or newer that makes a user who can use one host's queue and send its messages.
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
    // Connections begin in number 0; those of a fleet elsewhere may go there, and nowhere else.
    ...(database === 0 ? [] : [`+select|${database}`]),
    // Hears who is asked to stop, and can ask nobody.
    `(resetchannels &${channel(controlTopic)} -@all +subscribe +unsubscribe)`,
  ].join(' ');
}
