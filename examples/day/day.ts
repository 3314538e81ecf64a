/** The shapes of a day on a host: what its steps do, and what must be said about each decky. */
import type { Decnet } from './decnet.ts';
import type { DayEngine } from './engine.ts';

export type DeckyState = 'pending' | 'running' | 'degraded' | 'failed' | 'torn_down';

/** What the row of a decky must say. */
export interface Truth {
  /** Null: there is no row. */
  readonly state: DeckyState | null;
  /** What `last_error` must hold. */
  readonly error?: string;
  /** The services of the row. */
  readonly services?: readonly string[];
}

/** The truth of each decky that a step changes. */
export type Truths = Readonly<Record<string, Truth>>;

/** What a step acts on. */
export interface Stage {
  readonly engine: DayEngine;
  readonly decnet: Decnet;
  /** Waits as long as DECNET works on something, for example builds images. */
  work(): Promise<void>;
  /** Says what is true when the time that a deployment may take is over, counted from the last change of the file. */
  becomesAfterRollout(truths: Truths): void;
  /** Waits until it is over. */
  untilRolloutIsOver(): Promise<void>;
  /**
   * Runs an action that changes what an attacker finds.
   * @param truths what is true when the last event of a decky's containers in this action has happened; of a decky without
   * events, when the action ends
   * @param through what may be said in between, beside the truth before
   */
  becomes(truths: Truths, action: () => Promise<void>, through?: readonly Truth[]): Promise<void>;
}

/** One event of the day. */
export interface Step {
  readonly name: string;
  /** What happens, for a person who watches. */
  readonly what: string;
  /** What the person sees on the dashboard. */
  readonly look: string;
  /** What version d7084bf said about it. */
  readonly before: string;
  /** The messages that people must get: the kind, the name of a decky if it is about one, and `(ran out of memory)` if it says so. */
  readonly messages: readonly string[];
  /** When they must come; default: soon. */
  readonly messagesCome?: 'after the rollout';
  /** Whether the next step must wait for the messages of this one and of those before. */
  readonly settles?: true;
  play(stage: Stage): Promise<void>;
}

export const none: Truth = { state: null };
export const deploying: Truth = { state: 'pending', error: 'deploying' };
export const running = (...services: readonly string[]): Truth =>
  services.length === 0 ? { state: 'running' } : { state: 'running', services };
export const degraded = (error = ''): Truth => ({ state: 'degraded', error });
export const failed = (error = ''): Truth => ({ state: 'failed', error });
export const tornDown = (error = ''): Truth => ({ state: 'torn_down', error });

/** While containers are stopped or replaced, any of these may be seen for a moment. */
export const unsettled: readonly Truth[] = [degraded(), failed(), tornDown(), deploying];
/** While the containers of a deployment start one by one. */
export const starting: readonly Truth[] = [deploying, degraded()];

/** The same truth for several deckies. */
export const each = (names: readonly string[], truth: Truth): Truths =>
  Object.fromEntries(names.map((name) => [name, truth]));
