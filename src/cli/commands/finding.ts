import { reasonOf } from '../../lib/errors.ts';

/** The result of one check of `doctor`. */
export interface Finding {
  readonly verdict: 'ok' | 'note' | 'fault';
  readonly text: string;
}

export const ok = (text: string): Finding => ({ verdict: 'ok', text });
export const note = (text: string): Finding => ({ verdict: 'note', text });
export const fault = (error: unknown): Finding => ({ verdict: 'fault', text: reasonOf(error) });
