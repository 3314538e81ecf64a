import { countOf } from '../words.ts';
import type { AffectedName } from './follow.ts';
import type { NextStep } from './incident.ts';

const namesShown = 5;

/** What an incident affects, in words: `2 hosts, 7 deckies: a/web, b/mail and 5 more`. */
export function incidentSummary({
  hosts,
  deckies,
  affected,
}: {
  readonly hosts: number;
  readonly deckies: number;
  readonly affected: readonly AffectedName[];
}): string {
  if (hosts === 0) return 'the whole fleet';
  const locations = affected.map(({ host, name }) => (name === null ? host : `${host}/${name}`));
  const total = affected.some(({ name }) => name !== null) ? deckies : hosts;
  const more = total - Math.min(locations.length, namesShown);
  const list =
    locations.slice(0, namesShown).join(', ') + (more > 0 ? ` and ${more.toLocaleString('en')} more` : '');
  return `${countOf(hosts, 'host')}, ${countOf(deckies, 'decky')}: ${list}`;
}

/** `On host web-02: docker info`. */
export const nextText = ({ host, command }: NextStep): string =>
  host === null ? `On the master: ${command}` : `On host ${host}: ${command}`;
