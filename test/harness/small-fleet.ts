/** Statements for a fleet of two hosts with something broken, a history and an incident; the page of each has content. */
export const smallFleet: readonly string[] = [
  `insert into fleet_hosts (host_uuid, interval_s, first_seen_at, last_pass_at, last_full_pass_at, last_observed_at, version)
   select host, 3600, now() - interval '3 days', now(), now(), now(), '0.1.0' from unnest(array['host-a', 'host-b']) host`,
  `insert into fleet_deckies (host_uuid, name, services, decky_ip, state, last_error)
   select host, 'decky-' || n, '["ssh", "http"]', '192.0.2.' || n, case when n = 1 then 'failed' else 'running' end,
     case when n = 1 then 'ssh: exited, code 137' end
   from unnest(array['host-a', 'host-b']) host, generate_series(1, 60) n`,
  `insert into fleet_transitions (host_uuid, name, from_state, to_state, reason, at)
   select host_uuid, name, null, 'running', 'new in the file', now() - interval '2 days' from fleet_deckies
   union all select host_uuid, name, 'running', 'failed', 'ssh: exited, code 137', now() - interval '3 h' from fleet_deckies where state = 'failed'`,
  `insert into fleet_incidents (id, kind, severity, cause, next_command, next_host, since, opened_at, changed_at, extent, most, affected, ever)
   values ('deckies_down-0123456789abcdef', 'deckies_down', 'warning', 'ssh: exited with code 137', 'docker logs --tail 10 decky-1-ssh', 'host-a',
     now() - interval '3 h', now(), now(), '{"hosts": 2, "deckies": 2, "down": 2}', '{"hosts": 2, "deckies": 2, "down": 2}',
     '[{"host": "host-a", "name": "decky-1", "state": "failed"}, {"host": "host-b", "name": "decky-1", "state": "failed"}]', '[]')`,
];
