import type { ClientBase, QueryResult } from 'pg';

/** Properties of the connections of a process. */
export interface Connections {
  /** The schema of the tables, quoted; before they exist, the schema to create them in. Null: not known yet. */
  schema: string | null;
  /**
   * The search path of all statements. A role that may create objects in the schema of the tables could define an operator or
   * a function that PostgreSQL prefers to its own, so that other roles run it.
   */
  path: string;
  /**
   * Whether a pooler such as PgBouncer runs each transaction on any of its connections. Settings of a session then affect other
   * clients, and may be lost for this one.
   */
  pooled: boolean;
}

export const safestPath = 'pg_catalog, pg_temp';

// This runs with the search path of the role, so all names are schema-qualified.
const location = `select pg_catalog.pg_backend_pid() as pid, coalesce(
    (select c.relnamespace::pg_catalog.regnamespace::pg_catalog.text from pg_catalog.pg_class c
     where c.oid operator(pg_catalog.=) pg_catalog.to_regclass('fleet_hosts')),
    pg_catalog.quote_ident(pg_catalog.current_schema()), 'public') as schema`;

/**
 * Whether roles other than the owners can create objects in a schema, or have done so. If not, the schema stays on the search
 * path, because triggers and views of the operator may need it.
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

/** Prepares a new connection: finds the schema of the tables and replaces the role's search path. */
export async function prepare(client: ClientBase, connections: Connections): Promise<void> {
  const [found] = (await client.query<{ pid: number; schema: string }>(location)).rows;
  const schema = found?.schema ?? 'public';
  // A pooler reports another pid than the server's backend. The types do not include the property.
  const pooled = (client as ClientBase & { processID?: number }).processID !== found?.pid;
  const ask = `set ${pooled ? 'local ' : ''}search_path to ${safestPath}; ${isOpen(schema)}`;
  const results: unknown = await client.query(pooled ? `begin; ${ask}; commit` : ask);
  const rows = (results as readonly QueryResult<{ open: boolean }>[]).flatMap((result) => result.rows);
  const path = rows[0]?.open === false ? `pg_catalog, ${schema}, pg_temp` : safestPath;
  if (!pooled && path !== safestPath) await client.query(`set search_path to ${path}`);
  Object.assign(connections, { schema, path, pooled });
}
