import { memoryFromJson, memoryToJson } from '../../src/database/memory.ts';
import type { Plan } from '../../src/fleet/plan/change.ts';
import type { Facts, Row } from '../../src/fleet/plan/facts.ts';
import { plan } from '../../src/fleet/plan/plan.ts';
import type { Json } from '../../src/lib/json.ts';
import { row } from './facts.ts';

/** The rows after a plan was applied, as the ledger writes them. */
export function rowsAfter(recorded: readonly Row[], { changes }: Plan, at: number): readonly Row[] {
  const rows = new Map(recorded.map((one) => [one.name, one]));
  for (const change of changes) {
    if (change.to === null) rows.delete(change.name);
    else {
      const before = rows.get(change.name) ?? row(change.name);
      rows.set(change.name, {
        ...before,
        ...(change.content ?? {}),
        name: change.name,
        state: change.to,
        lastError: change.lastError,
        ours: true,
        writtenAt: at,
      });
    }
  }
  return [...rows.values()];
}

/** A plan, and the facts after it: its rows, and its memory as the table keeps it. */
export function applied(given: Facts): { readonly plan: Plan; readonly facts: Facts } {
  const made = plan(given);
  const stored = JSON.parse(JSON.stringify(memoryToJson(made.memory))) as Json;
  return {
    plan: made,
    facts: {
      ...given,
      recorded: rowsAfter(given.recorded, made, given.now),
      memory: memoryFromJson(stored),
    },
  };
}
