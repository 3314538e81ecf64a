import type { Plan } from '../fleet/plan/change.ts';
import type { ObservedDecky } from '../fleet/plan/decide.ts';
import type { Facts } from '../fleet/plan/facts.ts';
import { Planner } from '../fleet/plan/plan.ts';
import { forEachInSlices } from '../lib/slices.ts';

/**
 * Plans as `plan` does, with pauses: planning a large host takes longer than the event loop should be blocked.
 * @param onObserved is given what is observed of each decky that is decided
 */
export async function planHost(
  facts: Facts,
  onObserved?: (name: string, observed: ObservedDecky) => void,
): Promise<Plan> {
  const planner = new Planner(facts, onObserved);
  await forEachInSlices(planner.containers, (container) => planner.addContainer(container));
  await forEachInSlices(planner.namesToSurvey, (name) => planner.survey(name));
  planner.beginDecisions();
  await forEachInSlices(facts.recorded, (row) => planner.decideRow(row));
  await forEachInSlices(planner.namesInScope, (name) => planner.decideMissing(name));
  await forEachInSlices(facts.decnet.strangers, (row) => planner.decideStranger(row));
  return planner.finish();
}
