import type { TestDatabase } from './database.ts';

interface Extent {
  readonly hosts: number;
  readonly deckies: number;
  readonly down: number;
}

/** What a test cares about. */
export interface SampleIncident {
  readonly id: string;
  readonly kind?: string;
  readonly severity?: string;
  readonly cause?: string;
  readonly command?: string;
  readonly extent?: Extent;
  readonly affected?: readonly { readonly host: string; readonly name: string; readonly state: string }[];
  /** How long ago it began, in seconds. */
  readonly ageSeconds?: number;
  /** How long ago it ended, in seconds; absent: it is open. */
  readonly endedSecondsAgo?: number;
  /** The number of the silence that covers it. */
  readonly silenceId?: number;
}

/** Records incidents, which nothing in the fleet has caused. */
export async function addIncidents(
  { query }: Pick<TestDatabase, 'query'>,
  ...incidents: readonly SampleIncident[]
): Promise<void> {
  for (const given of incidents) {
    const one = {
      kind: 'deckies_down',
      severity: 'warning',
      cause: 'ssh: exited with code 137',
      command: 'docker ps',
      extent: { hosts: 1, deckies: 1, down: 1 },
      affected: [],
      ageSeconds: 0,
      ...given,
    };
    await query(
      `insert into fleet_incidents (id, kind, severity, cause, next_command, extent, most, affected, ever,
         since, opened_at, changed_at, closed_at, resolution, silenced_by)
       select $1, $2, $3, $4, $5, $6, $6, $7, $7, at, at, at, closed, case when closed is not null then 'recovered' end, $8
       from (select now() - $9 * interval '1 s' as at, now() - $10 * interval '1 s' as closed) times`,
      [
        one.id,
        one.kind,
        one.severity,
        one.cause,
        one.command,
        JSON.stringify(one.extent),
        JSON.stringify(one.affected),
        one.silenceId,
        one.ageSeconds,
        one.endedSecondsAgo,
      ],
    );
  }
}
