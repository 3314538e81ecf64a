import { errorCodes } from '../../lib/errors.ts';
import { fleetStates } from '../state.ts';
import { conditionExplanations } from './conditions.ts';
import { errorExplanations } from './errors.ts';
import { exitCodeExplanation, explainedExitCodes } from './exit-codes.ts';
import type { Explanation } from './explanation.ts';
import { reasonKinds } from './reasons.ts';
import { stateExplanations } from './states.ts';

export interface Explained extends Explanation {
  readonly kind: 'state' | 'condition' | 'reason' | 'exit code' | 'error code';
  readonly name: string;
}

const named: readonly Explained[] = [
  ...fleetStates.map((name) => ({ kind: 'state' as const, name, ...stateExplanations[name] })),
  ...Object.entries(conditionExplanations).map(([name, text]) => ({
    kind: 'condition' as const,
    name,
    ...text,
  })),
  ...reasonKinds.map(({ name, meaning, advice }) => ({ kind: 'reason' as const, name, meaning, advice })),
  ...explainedExitCodes.flatMap((code) => exitCode(code)),
  ...errorCodes.map((name) => ({ kind: 'error code' as const, name, ...errorExplanations[name] })),
];

/** Everything that has a name of its own: states, conditions, reasons, exit codes, error codes. */
export const everythingExplained: readonly Explained[] = named;

/**
 * Explains a name of the product, an exit code of a container, or a whole reason as a row has it. Case, hyphens and underscores
 * do not matter in names. Empty: nothing is known by this text.
 */
export function explain(text: string): readonly Explained[] {
  const wanted = plain(text);
  const code = /^\d{1,3}$/.test(wanted) ? exitCode(Number(wanted)) : [];
  const found = named.filter(({ name }) => plain(name) === wanted);
  if (code.length > 0 || found.length > 0) return found.length > 0 ? found : code;
  const reasons = reasonKinds
    .filter(({ phrase }) => phrase.test(text))
    .map(({ name, meaning, advice }) => ({ kind: 'reason' as const, name, meaning, advice }));
  const codes = [...text.matchAll(/\bcode (\d{1,3})\b/g)].map(([, digits]) => Number(digits));
  return [...reasons, ...[...new Set(codes)].flatMap(exitCode)];
}

function exitCode(code: number): readonly Explained[] {
  const found = exitCodeExplanation(code);
  return found === null
    ? []
    : [{ kind: 'exit code', name: String(code), meaning: found.meaning, advice: found.advice }];
}

const plain = (text: string): string =>
  text
    .trim()
    .toLowerCase()
    .replace(/[\s_-]+/g, ' ');
