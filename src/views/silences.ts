import type { Scope } from '../fleet/silences/silence.ts';

/** One silence in the output of `silences`. Times are ISO 8601. */
export interface SilenceView {
  readonly id: number;
  readonly scope: Scope['kind'];
  /** Of the scopes `host` and `decky`. */
  readonly host_uuid: string | null;
  /** The decky. */
  readonly name: string | null;
  /** The kind of incidents, of the scope `cause`. */
  readonly kind: string | null;
  readonly starts_at: string;
  readonly until: string;
  /** Within these times only, in UTC: `mon,tue 22:00-06:00`; null: the whole time. */
  readonly every: string | null;
  readonly by: string;
  readonly why: string;
  /** Until when it is active now; null: it is not. */
  readonly active_until: string | null;
  /** When somebody ended it before its time. */
  readonly ended_at: string | null;
  readonly ended_by: string | null;
}

/** The silence of an incident. */
export interface SilencedView {
  readonly id: number;
  /** ISO 8601. */
  readonly until: string;
  readonly by: string;
  readonly why: string;
}

export interface AcknowledgedView {
  /** ISO 8601. */
  readonly at: string;
  readonly by: string;
  readonly why: string;
}

export interface NewSilence {
  readonly scope: Scope;
  /** Seconds from now, or ISO 8601. */
  readonly until: { readonly seconds: number } | { readonly at: string };
  /** As `windowText` has it; null: the whole time. */
  readonly every: string | null;
  readonly by: string;
  readonly why: string;
}

/** Writes silences and acknowledgements. */
export interface Silences {
  /** @throws FleetError CONFIG_INVALID: its end is in the past */
  add(silence: NewSilence): Promise<SilenceView>;
  /** @returns whether it had not ended yet */
  end(id: number, by: string): Promise<boolean>;
  /** @returns whether the incident is open */
  acknowledge(incident: string, by: string, why: string): Promise<boolean>;
  /** @returns whether somebody had acknowledged the open incident */
  unacknowledge(incident: string): Promise<boolean>;
}
