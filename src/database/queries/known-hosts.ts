/**
 * Every host of which anything is known, each once, as `host_uuid`: those that a worker registered (`h`, null of others),
 * those whose rows another program wrote (their states in `s`, null where there are none), and those that the
 * configuration names. The rows of all hosts are counted in one scan: a subquery for each host would be a scan each.
 * @param only an expression: this host alone; null: all
 * @param named an expression: names as a list, a null one for none
 */
export const knownHosts = (only: string, named: string): string => {
  const isWanted = `(${only} is null or host_uuid = ${only})`;
  return `(select host_uuid, jsonb_object_agg(state, n) as states from (
      select host_uuid, state, count(*) as n from fleet_deckies where ${isWanted} group by host_uuid, state) c
    group by host_uuid) s
  full join (select * from fleet_hosts where ${isWanted}) h using (host_uuid)
  full join (select distinct host_uuid from unnest(${named}) n (host_uuid) where ${isWanted}) k using (host_uuid)`;
};
