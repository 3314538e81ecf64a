import { reasonOf } from '../../lib/errors.ts';

/** What a process does. */
export const roles = ['worker', 'scheduler', 'dashboard'] as const;
export type Role = (typeof roles)[number];

/** The result of one check of `doctor`. */
export interface Finding {
  readonly verdict: 'ok' | 'note' | 'fault';
  readonly text: string;
}

export const ok = (text: string): Finding => ({ verdict: 'ok', text });
export const note = (text: string): Finding => ({ verdict: 'note', text });
export const fault = (error: unknown): Finding => ({ verdict: 'fault', text: reasonOf(error) });
