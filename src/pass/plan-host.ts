import type { Plan } from '../fleet/plan/change.ts';
import type { Facts } from '../fleet/plan/facts.ts';
import { Planner } from '../fleet/plan/plan.ts';
import { forEachInSlices } from '../lib/slices.ts';

/** Plans as `plan` does, with pauses: planning a large host takes longer than the event loop should be blocked. */
export async function planHost(facts: Facts): Promise<Plan> {
  const planner = new Planner(facts);
  await forEachInSlices(planner.containers, (container) => planner.addContainer(container));
  await forEachInSlices(facts.recorded, (row) => planner.decideRow(row));
  await forEachInSlices(planner.namesInScope, (name) => planner.decideMissing(name));
  return planner.finish();
}
