import type { Report } from '../../views/report.ts';
import type { HostStatus } from './selection.ts';

/** Hosts with all their deckies. @param names none: all; unknown ones are left out */
export async function hostsWithDeckies(
  report: Report,
  names: readonly string[],
): Promise<readonly HostStatus[]> {
  const hosts: HostStatus[] = [];
  for (const host of await report.hosts(names.length === 1 ? (names[0] ?? null) : null))
    if (names.length === 0 || names.includes(host.host_uuid))
      hosts.push({ ...host, deckies: await report.deckies(host.host_uuid) });
  return hosts;
}
