import type { ClientBase, QueryResult } from 'pg';

/** What is known of the connections of a process. */
export interface Connections {
  /** Where our tables are, quoted; before there are any, where they would be made. Null: nothing is known yet. */
  schema: string | null;
  /**
   * The search path of all our statements. A role that may create objects in the schema of the tables could define an operator
   * or a function that fits our statements better than PostgreSQL's own, and so have it run by their reader.
   */
  path: string;
  /**
   * A pooler such as PgBouncer gives each transaction another connection of its own: what a session sets is then seen by
   * others, and not for certain by ourselves.
   */
  pooled: boolean;
}

export const safestPath = 'pg_catalog, pg_temp';

// Asked on the search path of the role, and so with every name in full.
const place = `select pg_catalog.pg_backend_pid() as pid, coalesce(
    (select c.relnamespace::pg_catalog.regnamespace::pg_catalog.text from pg_catalog.pg_class c
     where c.oid operator(pg_catalog.=) pg_catalog.to_regclass('fleet_hosts')),
    pg_catalog.quote_ident(pg_catalog.current_schema()), 'public') as schema`;

/**
 * Whether others than the owners may create objects in a schema, or have done so. Where they may not, it stays on the
 * path: triggers and views that an operator added may rely on it.
 */
const isOpen = (schema: string): string => `with n as (
    select oid, nspowner, coalesce(nspacl, acldefault('n', nspowner)) as acl, coalesce((select relowner from pg_class
      where relname = 'fleet_hosts' and relnamespace = pg_namespace.oid), nspowner) as owner
    from pg_namespace where oid = '${schema.replaceAll("'", "''")}'::regnamespace)
  select exists (select from n, aclexplode(n.acl) a
      where a.privilege_type = 'CREATE' and a.grantee not in (n.nspowner, n.owner))
    or exists (select from n join pg_proc on pronamespace = n.oid join pg_roles r on r.oid = proowner
      where not rolsuper and proowner not in (n.nspowner, n.owner))
    or exists (select from n join pg_operator on oprnamespace = n.oid join pg_roles r on r.oid = oprowner
      where not rolsuper and oprowner not in (n.nspowner, n.owner)) as open`;

/** Makes a new connection ready: it learns where the tables are, and leaves the role's own search path. */
export async function prepare(client: ClientBase, connections: Connections): Promise<void> {
  const [found] = (await client.query<{ pid: number; schema: string }>(place)).rows;
  const schema = found?.schema ?? 'public';
  // A pooler answers with a number of its own; the types do not know the property.
  const pooled = (client as ClientBase & { processID?: number }).processID !== found?.pid;
  const ask = `set ${pooled ? 'local ' : ''}search_path to ${safestPath}; ${isOpen(schema)}`;
  const results: unknown = await client.query(pooled ? `begin; ${ask}; commit` : ask);
  const rows = (results as readonly QueryResult<{ open: boolean }>[]).flatMap((result) => result.rows);
  const path = rows[0]?.open === false ? `pg_catalog, ${schema}, pg_temp` : safestPath;
  if (!pooled && path !== safestPath) await client.query(`set search_path to ${path}`);
  Object.assign(connections, { schema, path, pooled });
}
