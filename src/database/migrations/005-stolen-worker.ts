import { FleetMigration } from './migration.ts';

const tables = ['fleet_deckies', 'fleet_hosts', 'fleet_transitions', 'fleet_gaps', 'fleet_alarms'];

/** With this search path a function finds no objects of its caller before PostgreSQL's own. */
const definer = 'security definer set search_path = pg_catalog, pg_temp';

/** A worker may access its own host's rows, a master all rows, any other role none. Scalar subqueries run once per statement. */
const mayReach = '(select fleet_is_master()) or host_uuid = (select fleet_granted_host())';

const states = `('pending', 'running', 'failed', 'degraded', 'torn_down', 'tearing_down', 'teardown_failed')`;
const longest = { reason: 4000, word: 64, name: 256 };

type Rule = readonly [table: string, column: string, holds: string, instead: string];

const text = (table: string, column: string, most: number): Rule => [
  table,
  column,
  `char_length(${column}) <= ${most}`,
  `left(${column}, ${most})`,
];
/** The range leaves room at both ends of the type, so that any interval can be added. */
const time = (table: string, column: string): Rule => [
  table,
  column,
  `${column} between timestamptz '1970-01-01 00:00:00Z' and timestamptz '9999-12-31 00:00:00Z'`,
  'now()',
];
/** @param most bytes */
const json = (table: string, column: string, type: string, most: number, instead: string): Rule => [
  table,
  column,
  `jsonb_typeof(${column}) = '${type}' and pg_column_size(${column}) <= ${most}`,
  instead,
];

const kilobyte = 1024;
const megabyte = 1024 * kilobyte;

/** The constraints of the columns, and the replacement for values of earlier versions that violate them. */
const rules: readonly Rule[] = [
  json('fleet_deckies', 'services', 'array', 8 * megabyte, `'[]'`),
  json('fleet_deckies', 'decky_config', 'object', 8 * megabyte, 'null'),
  text('fleet_deckies', 'decky_ip', longest.name),
  text('fleet_deckies', 'last_error', longest.reason),
  text('fleet_deckies', 'compose_hash', longest.name),
  time('fleet_deckies', 'last_seen'),
  time('fleet_deckies', 'updated_at'),
  time('fleet_deckies', 'reconciled_at'),
  text('fleet_hosts', 'identity', longest.name),
  text('fleet_hosts', 'last_error', longest.reason),
  text('fleet_hosts', 'version', longest.word),
  ['fleet_hosts', 'interval_s', 'interval_s between 1 and 86400', 'null'],
  ['fleet_hosts', 'turn', 'turn between 0 and 1000000000000000', '0'],
  time('fleet_hosts', 'first_seen_at'),
  time('fleet_hosts', 'last_pass_at'),
  time('fleet_hosts', 'last_full_pass_at'),
  time('fleet_hosts', 'last_observed_at'),
  json('fleet_hosts', 'counts', 'object', 16 * kilobyte, 'null'),
  json('fleet_hosts', 'notes', 'object', 32 * megabyte, 'null'),
  json('fleet_hosts', 'figures', 'object', 64 * kilobyte, 'null'),
  ['fleet_transitions', 'from_state', `from_state in ${states}`, 'null'],
  ['fleet_transitions', 'to_state', `to_state in ${states}`, 'null'],
  text('fleet_transitions', 'reason', longest.reason),
  text('fleet_transitions', 'job_id', longest.name),
  time('fleet_transitions', 'at'),
  time('fleet_gaps', 'from_at'),
  time('fleet_gaps', 'to_at'),
  text('fleet_alarms', 'state', longest.word),
  text('fleet_alarms', 'told', longest.word),
  text('fleet_alarms', 'reason', longest.reason),
  time('fleet_alarms', 'since'),
  time('fleet_alarms', 'changed_at'),
  json('fleet_alarms', 'recent', 'array', 4 * kilobyte, `'[]'`),
];

/**
 * Limits what a compromised worker can do. Its role sees only its own host's rows, whatever it creates or deletes, and its
 * values cannot break the reading of other hosts' rows. @see SECURITY.md
 */
export class StolenWorker extends FleetMigration {
  override up(): void {
    this.addSql('create table fleet_masters (role_name text primary key)');
    this.addSql('revoke all on fleet_masters from public');
    // The number of messages about a host in its current minute, and of those that were held back.
    this.addSql(`create table fleet_limits (
      host_uuid varchar(64) primary key,
      since timestamptz(6) not null,
      sent int not null,
      held_back int not null default 0)`);
    this.addSql('revoke all on fleet_limits from public');
    this.functions();
    for (const table of tables) {
      this.addSql(`drop policy everyone on ${table}`);
      this.addSql(`drop policy granted_host on ${table}`);
      this.addSql(`create policy own_rows on ${table} using (${mayReach}) with check (${mayReach})`);
      // Restrictive, so that no additional policy can widen the access.
      this.addSql(
        `create policy own_rows_only on ${table} as restrictive using (${mayReach}) with check (${mayReach})`,
      );
    }
    for (const [table, column] of [
      ['fleet_transitions', 'at'],
      ['fleet_gaps', 'to_at'],
    ]) {
      // Rows in the future would be listed before all rows of other hosts.
      this.addSql(
        `create policy past_only on ${table} as restrictive for insert with check (${column} <= clock_timestamp())`,
      );
    }
    this.addSql('create index fleet_transitions_at_index on fleet_transitions (at)');
    // Replace ids that are not from the sequence: later ids of other hosts would collide with them.
    this.addSql(`update fleet_transitions set id = nextval(pg_get_serial_sequence('fleet_transitions', 'id'))
      where id > (select coalesce(pg_sequence_last_value(pg_get_serial_sequence('fleet_transitions', 'id')::regclass), 0))`);
    for (const [table, column, holds, instead] of rules) {
      this.addSql(`update ${table} set ${column} = ${instead} where not (${holds})`);
      this.addSql(`alter table ${table} add constraint ${table}_${column}_sane check (${holds})`);
    }
  }

  private functions(): void {
    this.addSql(`create or replace function fleet_granted_host() returns text language sql stable ${definer}
      as $$ select host_uuid::text from fleet_grants where role_name = session_user::text $$`);
    // A role with a grant counts as a worker, even if it also is a master.
    this.addSql(`create function fleet_is_master() returns boolean language sql stable ${definer}
      as $$ select fleet_granted_host() is null and (
        pg_has_role(session_user, (select relowner from pg_class where oid = 'fleet_hosts'::regclass), 'USAGE')
        or exists (select from fleet_masters join pg_roles on rolname = role_name
          where pg_has_role(session_user, pg_roles.oid, 'USAGE'))) $$`);
    // Rows are deleted through functions: a role with the DELETE privilege may lock the whole table.
    this.addSql(`create function fleet_delete_deckies(of_host text, names text[], versions text[]) returns setof text
      language sql ${definer}
      as $$ delete from fleet_deckies d using unnest(names, versions) as i (name, version)
        where d.host_uuid = of_host and (fleet_is_master() or of_host = fleet_granted_host())
          and d.name = i.name and d.xmin::text = i.version
        returning d.name::text $$`);
    // The newest transition of each decky is always kept.
    this.addSql(`create function fleet_prune_transitions(of_host text, keep_days int) returns void
      language sql ${definer}
      as $$ delete from fleet_transitions t
        where t.host_uuid = of_host and (fleet_is_master() or of_host = fleet_granted_host())
          and t.at < clock_timestamp() - make_interval(days => greatest(keep_days, 1))
          and exists (select from fleet_transitions n
            where n.host_uuid = of_host and n.name = t.name and n.id > t.id) $$`);
    this.addSql(`revoke all on function fleet_delete_deckies(text, text[], text[]),
      fleet_prune_transitions(text, int) from public`);
  }
}
