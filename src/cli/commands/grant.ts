import { randomBytes } from 'node:crypto';
import { parseConfig } from '../../app/config.ts';
import { requireHost } from '../../app/known-hosts.ts';
import { type Ended, grantRedis, grantSql, masterSql, revokeSql, roleName } from '../../fleet/grant.ts';
import { FleetError } from '../../lib/errors.ts';
import { addressWith, databaseNumber, redisWith } from '../address.ts';
import { type Context, type Register, withApp } from '../context.ts';
import { option } from '../options.ts';
import { countOf } from '../text.ts';

interface Options {
  readonly host?: string;
  readonly master?: string;
  readonly revoke?: true;
}

/** Prints the statements that create a role and a Redis user for one host's worker, or revokes them. */
export const grant: Register = (command, context) => {
  command
    .option('--host <host>', 'the host', option.host)
    .option('--revoke', "end the access of that host's worker: its roles, Redis users and connections")
    .option('--master <role>', 'instead of --host: print the SQL that lets an existing role see all hosts')
    .addHelpText(
      'after',
      `
Decoy hosts are exposed to attackers, so the credentials of a worker must not give access to other hosts. Run the
statements on the master, as a role that owns the tables and has CREATEROLE, or as a superuser. Then set the printed
variables in the worker's environment. Each call prints new names and passwords.

The owner of the tables sees all hosts. Any other role sees no rows until it is granted a host or listed as a master.`,
    )
    .action((options: Options) => {
      const { host, master, revoke } = options;
      if ((host === undefined) === (master === undefined))
        throw new FleetError('CONFIG_INVALID', 'grant requires either --host or --master');
      if (master !== undefined) {
        if (revoke) throw new FleetError('CONFIG_INVALID', '--revoke requires --host');
        return context.print(['-- PostgreSQL, as the owner of the tables:', ...masterSql(master)].join('\n'));
      }
      return revoke ? revokeHost(context, host ?? '') : printGrant(context, host ?? '');
    });
};

function printGrant(context: Context, host: string): void {
  const { databaseUrl, redisUrl } = parseConfig(context.env);
  const name = roleName(host, randomBytes(3).toString('hex'));
  const [forDatabase, forRedis] = [0, 1].map(() => randomBytes(24).toString('hex')) as [string, string];
  context.print(
    [
      '-- PostgreSQL, as a role that owns the tables and has CREATEROLE, or as a superuser:',
      ...grantSql(host, name, forDatabase),
      '',
      '# Redis 7 or newer (to keep it across restarts, also add it to the ACL file or run CONFIG REWRITE):',
      grantRedis(host, name, forRedis, databaseNumber(redisUrl)),
      '',
      '# The environment of the worker:',
      `DECNET_HOST_UUID=${host}`,
      `DATABASE_URL=${addressWith(databaseUrl ?? 'postgresql://HOST:5432/DATABASE', name, forDatabase)}`,
      `REDIS_URL=${redisWith(redisUrl, name, forRedis)}`,
    ].join('\n'),
  );
  if (redisUrl === null) {
    context.note('Access to queues in PostgreSQL cannot be limited by host: run the workers with REDIS_URL.');
  }
}

/** @throws FleetError CHECK_FAILED when some access could not be ended; the statements to run instead were printed */
const revokeHost = (context: Context, host: string): Promise<void> =>
  withApp(context, async (app) => {
    const ended = await app.revoke(host);
    if (ended.length === 0) {
      // A mistyped host name must be an error, not look like a successful revocation.
      await requireHost(app, host);
      context.print(`No role was granted host ${host}.`);
    }
    for (const one of ended.filter(({ refused }) => refused === null)) {
      const what = one.kind === 'role' ? 'Role' : 'Redis user';
      const sessions = one.kind === 'role' ? `, ${countOf(one.sessions, 'session')} closed` : '';
      context.print(`${what} ${one.name} of host ${host} is gone${sessions}.`);
      if (one.note !== null) context.note(one.note);
    }
    if (app.config.redisUrl === null) context.note('REDIS_URL is not set, so Redis users were not checked.');
    const refused = ended.filter((one) => one.refused !== null);
    if (refused.length === 0) return;
    context.print(byHand(host, refused).join('\n'));
    throw new FleetError(
      'CHECK_FAILED',
      `Not all access to host ${host} could be ended: ${refused[0]?.refused ?? ''}`,
      { advice: 'Run the printed statements as a user with sufficient privileges' },
    );
  });

const byHand = (host: string, refused: readonly Ended[]): readonly string[] => {
  const roles = refused.filter(({ kind }) => kind === 'role');
  const users = refused.filter(({ kind }) => kind === 'user');
  return [
    ...(roles.length === 0
      ? []
      : ['-- PostgreSQL, as a role that owns the tables and has CREATEROLE, or as a superuser:']),
    ...roles.flatMap(({ name }) => revokeSql(name)),
    ...(users.length === 0 ? [] : ['# Redis, as a user that may use ACL:']),
    ...users.map(({ name }) =>
      name === ''
        ? `ACL LIST   # each user with ~bull:reconcile.${host}:*, then: ACL DELUSER <user>`
        : `ACL DELUSER ${name}`,
    ),
  ];
};
