import { expectedServices } from '../../fleet/decky.ts';
import { dockerCommand } from '../../fleet/docker-command.ts';
import type { DeckyView } from '../../fleet/job.ts';
import { withMeaning } from '../../fleet/words.ts';
import { ageOf } from '../../lib/age.ts';
import { type Html, html, type Part } from '../html.ts';

type Container = NonNullable<DeckyView['observed']>['containers'][number];

/** A container that the decky should have, or has. */
interface Row {
  /** Null: the base container, which has the address. */
  readonly service: string | null;
  readonly isExpected: boolean;
  readonly found: Container | null;
}

/** The expected containers, missing ones included, and then the others that Docker has of the decky. */
function rowsOf(services: readonly string[], containers: readonly Container[]): readonly Row[] {
  const left = new Set(containers);
  const take = (service: string | null): Container | null => {
    const found = containers.find((one) => one.service === service && left.has(one)) ?? null;
    if (found !== null) left.delete(found);
    return found;
  };
  const expected = [null, ...expectedServices(services)].map((service) => ({
    service,
    isExpected: true,
    found: take(service),
  }));
  const others = [...left].map((found) => ({ service: found.service, isExpected: false, found }));
  return [...expected, ...others];
}

/** What differs from what is desired; null: nothing. */
function difference({ isExpected, found, service }: Row): string | null {
  if (found === null) return service === null ? null : 'missing';
  if (!isExpected) return 'not declared';
  if (found.cut_off) return 'cut off';
  if (found.state !== 'running') return 'down';
  if (found.is_looping) return 'in a restart loop';
  return found.unhealthy ? 'unhealthy' : null;
}

/** What to run on the host next; null: nothing. */
function next(row: Row): string | null {
  const { found } = row;
  if (found === null || difference(row) === null || !row.isExpected) return null;
  return dockerCommand(found.cut_off ? 'restart' : 'logs --tail 10', [found.name]);
}

function observed({ found, service }: Row): Part {
  if (found === null) return service === null ? 'no base container' : 'no container';
  const { state, exit_code, unhealthy, cut_off, is_looping, age_seconds } = found;
  const code = exit_code === null || state === 'running' ? '' : withMeaning(`, code ${exit_code}`);
  const marks = [
    cut_off ? 'cut off from its network' : null,
    is_looping ? 'restarts again and again' : null,
    unhealthy ? 'unhealthy' : null,
  ].filter((mark) => mark !== null);
  const age = age_seconds == null || age_seconds < 1 ? '' : `, for at least ${ageOf(age_seconds * 1000)}`;
  return `${state}${code}${age}${marks.map((mark) => `, ${mark}`).join('')}`;
}

/**
 * The containers of a decky, one a row: what should be there beside what is.
 * @param services the services that the file declares, or the row lists
 */
export function containerTable(services: readonly string[], containers: readonly Container[]): Html {
  const rows = rowsOf(services, containers);
  const cutOff = containers.filter(({ cut_off }) => cut_off).map(({ name }) => name);
  const restart = dockerCommand('restart', cutOff);
  return html`<h2>Containers</h2><table class="containers"><caption class="quiet">Containers, expected ones first</caption>
<thead><tr><th scope="col">Container</th><th scope="col">Expected</th><th scope="col">Observed</th><th scope="col">Differs</th><th scope="col">Next, on its host</th></tr></thead>
<tbody>${rows.map((row) => {
    const differs = difference(row);
    const command = next(row);
    return html`<tr data-key="container ${row.found?.name ?? ''} ${row.service ?? ''}" data-state="${differs ?? 'as expected'}"><th scope="row">${row.found === null ? (row.service ?? 'base') : html`<code>${row.found.name}</code>`}</th>
<td>${row.isExpected ? (row.service ?? 'base, with the address') : 'no'}</td><td>${observed(row)}</td>
<td>${differs === null ? '' : html`<strong class="warn">≠ ${differs}</strong>`}</td><td>${command === null ? '' : html`<code>${command}</code>`}</td></tr>`;
  })}</tbody></table>
${rows.some((row) => difference(row) === 'missing') ? html`<p class="help">A missing container comes back when DECNET deploys the decky again.</p>` : null}
${cutOff.length === 0 ? null : html`<p class="help">A container that is cut off runs in the network of a base that is gone, or was started again.${restart === null ? null : html` To connect them again, run on its host: <code>${restart}</code>.`} If Docker does not find the base, deploy the decky again.</p>`}`;
}
