import type { Plan } from '../fleet/plan/change.ts';
import type { SeenDecky } from '../fleet/plan/decide.ts';
import type { Facts } from '../fleet/plan/facts.ts';
import { Planner } from '../fleet/plan/plan.ts';
import { forEachInSlices } from '../lib/slices.ts';

/**
 * Plans as `plan` does, with pauses: planning a large host takes longer than the event loop should be blocked.
 * @param onSeen is given what is seen of each decky that is decided
 */
export async function planHost(
  facts: Facts,
  onSeen?: (name: string, seen: SeenDecky) => void,
): Promise<Plan> {
  const planner = new Planner(facts, onSeen);
  await forEachInSlices(planner.containers, (container) => planner.addContainer(container));
  await forEachInSlices(planner.namesToSurvey, (name) => planner.survey(name));
  planner.beginDecisions();
  await forEachInSlices(facts.recorded, (row) => planner.decideRow(row));
  await forEachInSlices(planner.namesInScope, (name) => planner.decideMissing(name));
  await forEachInSlices(facts.decnet.strangers, (row) => planner.decideStranger(row));
  return planner.finish();
}
