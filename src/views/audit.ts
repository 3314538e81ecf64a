import type { AuditEntry, Outcome, Via } from '../fleet/audit.ts';

/** One entry of `/api/audit`. */
export interface AuditView {
  readonly id: number;
  /** ISO 8601. */
  readonly at: string;
  readonly who: string;
  readonly via: Via;
  /** A newer version may have written others than this one knows. */
  readonly act: string;
  readonly host_uuid: string | null;
  readonly target: string | null;
  readonly details: string | null;
  readonly outcome: Outcome;
}

export interface AuditFilter {
  readonly who: string | null;
  readonly act: string | null;
  readonly host: string | null;
  /** Entries with a smaller id. */
  readonly before: number | null;
  readonly limit: number;
}

/** The record of what people did. */
export interface Audit {
  record(entry: AuditEntry): Promise<void>;
  /** The newest first. */
  list(filter: AuditFilter): Promise<readonly AuditView[]>;
}
