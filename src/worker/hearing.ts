import { isLegalName } from '../fleet/decky.ts';
import { type Explanations, type LifecycleStatus, lifecycleStatuses } from '../fleet/plan/explanations.ts';
import { isObject, type Json, textsOf } from '../lib/json.ts';
import type { Bus } from '../pass/announce.ts';
import type { Hearing } from '../pass/observe.ts';
import type { Trigger } from './triggers.ts';

/** The maximum number of deckies about which messages are kept until a pass records them. */
const deckiesKept = 10_000;
const longestList = 200;
const longestService = 128;

/** DECNET's messages on this host that say what it does to its deckies. @see LIVING.md, "What happens during a day" */
export interface DecnetMessages extends Hearing {
  /** @param heard called when a message says that the deckies may have changed */
  start(heard: (trigger: Trigger) => void): void;
}

/** @param endings who ended containers, from Docker's events */
export function decnetMessages(
  bus: Pick<Bus, 'subscribe'>,
  endings: () => Explanations['endings'],
): DecnetMessages {
  let mutations = new Map<string, readonly string[]>();
  let lifecycles = new Map<string, LifecycleStatus>();
  const keep = <T>(map: Map<string, T>, name: string, value: T): boolean => {
    if (!isLegalName(name) || (map.size >= deckiesKept && !map.has(name))) return false;
    map.set(name, value);
    return true;
  };
  return {
    start: (heard) => {
      bus.subscribe('decky.*.mutation', (payload) => {
        const found = mutationOf(payload);
        if (found !== null && keep(mutations, found.decky, found.services))
          heard({ kind: 'decky', name: found.decky });
      });
      bus.subscribe('decky.*.lifecycle', (payload, _scope, topic) => {
        const status = lifecycleOf(payload);
        if (status !== null && keep(lifecycles, deckyOf(topic), status)) heard({ kind: 'everything' });
      });
      for (const change of ['added', 'removed', 'config_changed'])
        bus.subscribe(`decky.*.service_${change}`, (_payload, _scope, topic) =>
          heard({ kind: 'decky', name: deckyOf(topic) }),
        );
    },
    explanations: () => ({
      mutations: new Map(mutations),
      lifecycles: new Map(lifecycles),
      endings: endings(),
    }),
    recorded: (explanations) => {
      // What was heard since the pass began stays.
      mutations = without(mutations, explanations.mutations);
      lifecycles = without(lifecycles, explanations.lifecycles);
    },
  };
}

const without = <T>(now: ReadonlyMap<string, T>, before: ReadonlyMap<string, T>): Map<string, T> =>
  new Map([...now].filter(([name, value]) => before.get(name) !== value));

/** `decky.web-01.lifecycle` → `web-01`. */
const deckyOf = (topic: string): string => topic.split('.')[1] ?? '';

function mutationOf(
  payload: unknown,
): { readonly decky: string; readonly services: readonly string[] } | null {
  if (!isObject(payload)) return null;
  const { decky, new_services: given } = payload;
  if (typeof decky !== 'string' || !Array.isArray(given) || given.length > longestList) return null;
  const services = [...new Set(textsOf(given as readonly Json[]))];
  const isList = given.every((service) => typeof service === 'string') && services.length > 0;
  return isList && services.every(({ length }) => length > 0 && length <= longestService)
    ? { decky, services }
    : null;
}

function lifecycleOf(payload: unknown): LifecycleStatus | null {
  if (!isObject(payload) || payload.operation !== 'deploy') return null;
  return lifecycleStatuses.find((status) => status === payload.status) ?? null;
}
