import { randomBytes } from 'node:crypto';
import { parseConfig } from '../../config.ts';
import { grantRedis, grantSql, roleName } from '../../fleet/grant.ts';
import { option, type Register } from '../context.ts';

/** Prints what makes a role and a Redis user for one host's worker. Runs nothing. */
export const grant: Register = (program, context) => {
  program
    .command('grant')
    .description("print the SQL and the Redis ACL for a worker that can reach its own host's part alone")
    .requiredOption('--host <host>', 'the host', option.host)
    .addHelpText(
      'after',
      `
A decoy host is attacked on purpose: what its worker holds must not open other hosts. Run the statements on the master
as the owner of the tables, and give the worker the two addresses. Each call makes new names and passwords.`,
    )
    .action(({ host }: { host: string }) => {
      const { databaseUrl, redisUrl } = parseConfig(context.env);
      const name = roleName(host, randomBytes(3).toString('hex'));
      const [forDatabase, forRedis] = [0, 1].map(() => randomBytes(24).toString('hex')) as [string, string];
      const at = (url: string | null, fallback: string, password: string): string => {
        const place = new URL(url ?? fallback);
        place.username = name;
        place.password = password;
        return place.href;
      };
      context.print(
        [
          `-- PostgreSQL, as the owner of the tables:`,
          ...grantSql(host, name, forDatabase),
          '',
          '# Redis (also into its ACL file, or CONFIG REWRITE, so that it lasts):',
          grantRedis(host, name, forRedis),
          '',
          '# The environment of the worker:',
          `DECNET_HOST_UUID=${host}`,
          `DATABASE_URL=${at(databaseUrl, 'postgresql://HOST:5432/DATABASE', forDatabase)}`,
          `REDIS_URL=${at(redisUrl, 'redis://HOST:6379/0', forRedis)}`,
        ].join('\n'),
      );
      if (redisUrl === null) {
        context.note('Queues in PostgreSQL cannot be divided by host: run the workers with REDIS_URL.');
      }
    });
};
