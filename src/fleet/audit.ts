/** Where an act came from. */
export const vias = ['page', 'api', 'board', 'cli'] as const;
export type Via = (typeof vias)[number];

/** `refused`: whoever it was may not do it, or it was not possible; `failed`: it was tried. */
export const outcomes = ['done', 'refused', 'failed'] as const;
export type Outcome = (typeof outcomes)[number];

/** The acts of the pages and of the command line. */
const ownActs = [
  'reconcile',
  'pause',
  'resume',
  'silence',
  'unsilence',
  'ack',
  'unack',
  'stop',
  'forget',
  'restore',
  'sign in',
  'sign out',
] as const;

/** The acts of Bull Board. */
const boardActs = [
  'add job',
  'retry job',
  'retry jobs',
  'promote job',
  'promote jobs',
  'remove job',
  'remove jobs',
  'change job',
  'empty queue',
  'remove queue',
  'pause queue',
  'resume queue',
  'change queue',
  'run schedule',
  'change schedule',
  'remove schedule',
] as const;

/** Everything that somebody can do and that is recorded. */
export const acts = [...ownActs, ...boardActs] as const;
export type Act = (typeof acts)[number];

/** Characters of each text of an entry. Longer ones are shortened. */
export const longestAudit = { who: 128, host: 64, target: 200, details: 500 };

/** What somebody did. */
export interface AuditEntry {
  readonly who: string;
  readonly via: Via;
  readonly act: Act;
  readonly host: string | null;
  /** What it was about: a decky, an incident, a job; null: the host, or everything. */
  readonly target: string | null;
  /** Never with a secret. */
  readonly details: string | null;
  readonly outcome: Outcome;
}

/** The outcome of a request by the status of its answer. */
export const outcomeOf = (status: number): Outcome =>
  status < 400 ? 'done' : status < 500 ? 'refused' : 'failed';
