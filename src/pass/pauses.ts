/** How a host is paused. */
export interface PauseTerms {
  readonly by: string;
  readonly why: string;
  /** When it ends: after this number of seconds, or at a time (ISO 8601); null: when somebody resumes it. */
  readonly end: { readonly seconds: number } | { readonly at: string } | null;
}

/** A recorded pause. Times are ISO 8601. */
export interface RecordedPause {
  readonly by: string;
  readonly why: string;
  readonly since: string;
  readonly until: string | null;
}

/** The record of the hosts that somebody has paused. */
export interface Pauses {
  /** Records a pause, or new terms of one. @returns null: no worker has registered the host */
  begin(host: string, terms: PauseTerms): Promise<RecordedPause | null>;
  /** @param onlyIfOver only if its time is over @returns the pause that has ended; null: there was none */
  end(host: string, onlyIfOver?: boolean): Promise<RecordedPause | null>;
  isPaused(host: string): Promise<boolean>;
  /** All paused hosts. `isOver`: by the clock of the database, the time of the pause is over. */
  all(): Promise<readonly { readonly host: string; readonly isOver: boolean }[]>;
}
