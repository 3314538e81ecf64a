/**
 * SQL for all known hosts, each once, as `host_uuid`: registered hosts (`h`, otherwise null), hosts with rows (their states in
 * `s`, otherwise null), and hosts in the configuration. The rows of all hosts are counted in one scan; a subquery for each host
 * would be one scan each.
 * @param only an SQL expression: the only host to return; null: all
 * @param named an SQL expression: an array of names, or null
 */
export const knownHosts = (only: string, named: string): string => {
  const isWanted = `(${only} is null or host_uuid = ${only})`;
  return `(select host_uuid, jsonb_object_agg(state, n) as states from (
      select host_uuid, state, count(*) as n from fleet_deckies where ${isWanted} group by host_uuid, state) c
    group by host_uuid) s
  full join (select * from fleet_hosts where ${isWanted}) h using (host_uuid)
  full join (select distinct host_uuid from unnest(${named}) n (host_uuid) where ${isWanted}) k using (host_uuid)`;
};
