import type { Decky } from '../../src/fleet/decky.ts';
import type { Container } from '../../src/fleet/plan/container-match.ts';
import type { Content } from '../../src/fleet/plan/content.ts';
import type { Facts, Row } from '../../src/fleet/plan/facts.ts';
import type { FleetState } from '../../src/fleet/state.ts';

/**
 * The rules of CONTRACT.md once more, as plainly as they can be said, one decky at a time and with no care for speed.
 * Takes nothing but types from the product. Knows no notes: it is for a first pass.
 */
export interface Outcome {
  /** The row afterwards; null: there is none. */
  readonly row: { state: FleetState; lastErrorIsNull: boolean; content: Content } | null;
  readonly held: boolean;
}

export function outcome(facts: Facts, name: string): Outcome {
  const row = facts.recorded.find((one) => one.name === name);
  const declared = facts.desired.kind === 'declared' ? [...facts.desired.deckies.values()] : [];
  const decky = declared.find((one) => one.name === name);
  const isLooked = facts.only === null || facts.only.has(name);
  const same: Outcome = { row: row === undefined ? null : kept(row), held: false };
  if (!isLooked) return same;

  if (row === undefined) {
    // Rule 2
    if (decky === undefined) return same;
    const state = facts.observed.kind === 'ok' ? observed(facts, name, decky.services) : 'pending';
    return {
      row: { state, lastErrorIsNull: state === 'running' || state === 'pending', content: contentOf(decky) },
      held: false,
    };
  }

  const age = facts.now - row.writtenAt;
  const isLeft = !row.ours && Math.abs(age) < facts.graceSeconds * 1000;
  const services = decky?.services ?? row.services.filter((one): one is string => typeof one === 'string');
  const state = facts.observed.kind === 'ok' ? observed(facts, name, services) : null;

  let held = false;
  if (decky === undefined && facts.desired.kind !== 'invalid') {
    // Rule 3
    const isTornDown = facts.desired.kind === 'absent' || declared.length === 0;
    const mayLive = facts.observed.kind === 'unreachable' || anyRuns(facts, name, row);
    if (!isLeft && !(isTornDown && mayLive)) return { row: null, held: false };
    held = true;
  }

  let next = kept(row);
  if (state !== null) {
    // Rule 4
    const mayMove = !isLeft || (state === 'running' && row.state !== 'tearing_down');
    if (mayMove) next = { ...next, state, lastErrorIsNull: state === 'running' };
    else if (state !== row.state) held = true;
  }
  if (decky !== undefined && differs(row, decky)) {
    // Rule 5
    if (isLeft) held = true;
    else next = { ...next, content: contentOf(decky) };
  }
  return { row: next, held };
}

const kept = (row: Row): NonNullable<Outcome['row']> => ({
  state: row.state,
  lastErrorIsNull: row.lastError === null,
  content: { ip: row.ip, services: row.services, config: row.config },
});

const contentOf = ({ ip, services, config }: Decky): Content => ({ ip, services, config });

function differs(row: Row, decky: Decky): boolean {
  const plain = (content: Content): string => {
    const { last_mutated: _m, last_login_attempt: _l, ...config } = content.config ?? {};
    return JSON.stringify([content.ip, content.services, Object.entries(config).sort()]);
  };
  return plain(row) !== plain(contentOf(decky));
}

/** "Observed state of a decky" */
function observed(facts: Facts, name: string, services: readonly string[]): FleetState {
  const expected = services.filter((service) => service !== 'sniffer');
  const base = all(facts).find((one) => one.decky === null && one.name === name);
  const sound = (one: Container): boolean => one.state === 'running' && !one.unhealthy;
  const found =
    expected.length === 0
      ? [base]
      : expected.map((service) => {
          const labelled = all(facts).filter((one) => one.decky === name && one.service === service);
          const named = all(facts).filter(
            (one) =>
              one.decky === null &&
              [`${name}-${service}`, `${name}-${service.replaceAll('_', '-')}`].includes(one.name),
          );
          const candidates = labelled.length > 0 ? labelled : named;
          return candidates.find((one) => one.state === 'running') ?? candidates[0];
        });
  if (found.every((one) => one === undefined)) return 'torn_down';
  if (found.every((one) => one?.state !== 'running')) return 'failed';
  if (!found.every((one) => one !== undefined && sound(one))) return 'degraded';
  return base === undefined || sound(base) ? 'running' : 'degraded';
}

const anyRuns = (facts: Facts, name: string, row: Row): boolean =>
  all(facts).some(
    (one) =>
      one.state === 'running' &&
      (one.decky === name ||
        (one.decky === null &&
          (one.name === name ||
            row.services.some(
              (service) =>
                typeof service === 'string' &&
                [`${name}-${service}`, `${name}-${service.replaceAll('_', '-')}`].includes(one.name),
            )))),
  );

const all = (facts: Facts): readonly Container[] =>
  facts.observed.kind === 'ok' ? facts.observed.containers : [];
