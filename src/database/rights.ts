import { limitsOf, rightsOf, withoutPublicRights, withoutRights } from '../fleet/grant.ts';
import { countOf } from '../fleet/words.ts';
import { FleetError } from '../lib/errors.ts';
import type { Database } from './database.ts';
import { type Db, query } from './query.ts';

/** Ignores missing privileges for a statement: `doctor` reports them. */
const whereAllowed = (statement: string): string =>
  `do $whole$ begin ${statement} exception when insufficient_privilege then null; end $whole$`;

/**
 * Sets the privileges of PUBLIC and of all workers' roles to those of this version, so that an upgrade needs no new grants.
 */
export async function applyRights(db: Db): Promise<void> {
  for (const statement of withoutPublicRights) await query(db, whereAllowed(statement));
  const roles = await query<{ role: string }>(
    db,
    'select quote_ident(rolname) as role from fleet_grants join pg_roles on rolname = role_name',
  );
  for (const { role } of roles) {
    for (const statement of [...withoutRights(role), ...rightsOf(role)]) await query(db, statement);
    for (const statement of limitsOf(role)) await query(db, whereAllowed(statement));
  }
}

interface Rights {
  readonly schema: string;
  readonly create: boolean;
  readonly temporary: boolean;
  readonly grants: number;
  readonly role: string;
  readonly sees: boolean;
  /** Functions and operators in the schema that belong to roles without a right to the tables. */
  readonly foreign: readonly string[];
}

const selectRights = `with t as (select relnamespace as schema, relowner as owner from pg_class where oid = 'fleet_hosts'::regclass)
  select t.schema::regnamespace::text as schema, has_schema_privilege('public', t.schema, 'create') as create,
    has_database_privilege('public', current_database(), 'temporary') as temporary,
    session_user::text as role, fleet_is_master() or fleet_granted_host() is not null as sees,
    (select count(*)::int from pg_roles where has_column_privilege(oid, 'fleet_hosts'::regclass, 'turn', 'update')
      and rolcanlogin and not rolsuper and not pg_has_role(oid, t.owner, 'usage')) as grants,
    array(select p.oid::regprocedure::text || ' of role ' || rolname from pg_proc p join pg_roles r on r.oid = proowner
        where pronamespace = t.schema and not rolsuper and not pg_has_role(r.oid, t.owner, 'usage')
      union all select o.oid::regoperator::text || ' of role ' || rolname from pg_operator o join pg_roles r on r.oid = oprowner
        where oprnamespace = t.schema and not rolsuper and not pg_has_role(r.oid, t.owner, 'usage')
      limit 3) as foreign
  from t`;

/**
 * Checks privileges that would make a compromised worker dangerous, or hide all rows from this role.
 * @returns a summary for `doctor`
 * @throws FleetError CHECK_FAILED with advice
 */
export async function checkRights(database: Database): Promise<string> {
  const [rights] = await database.query<Rights>(selectRights);
  if (rights === undefined) return 'no tables';
  const { schema, create, temporary, grants, role, sees, foreign } = rights;
  const fault = (what: string, advice: string): FleetError =>
    new FleetError('CHECK_FAILED', what, { advice });
  if (!sees)
    throw fault(
      `Role ${role} sees no rows: it neither owns the tables nor has a grant`,
      `On the master: decnet-fleet grant --host H, or decnet-fleet grant --master ${role}`,
    );
  if (foreign.length > 0)
    throw fault(
      `Schema ${schema} contains objects of other roles: ${foreign.join(', ')}`,
      "decnet-fleet's statements do not use them, but those of other programs may. Drop them, and the role that created them",
    );
  if (create)
    throw fault(
      `Every role may create objects in schema ${schema}, which statements of other programs may then run`,
      `As the owner of the schema, run: revoke create on schema ${schema} from public`,
    );
  const extra = temporary
    ? '; every role may create temporary tables (revoke temporary on database … from public)'
    : '';
  return `role ${role}${grants > 0 ? `; roles of ${countOf(grants, 'worker')}` : ''}${extra}`;
}
