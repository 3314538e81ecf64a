import type { JobData, JobResult } from '../fleet/job.ts';
import type { Log } from '../lib/log.ts';
import type { QueueBackend } from '../queue/backend.ts';
import type { Audit } from '../views/audit.ts';
import type { HeartbeatView } from '../views/heartbeat.ts';
import type { HostFigures } from '../views/metrics.ts';
import type { Pages } from '../views/pages.ts';
import type { Report } from '../views/report.ts';
import type { Silences } from '../views/silences.ts';
import type { UndeliveredView } from '../views/undelivered.ts';
import type { Credentials } from './security.ts';
import type { Role } from './sign-in/users.ts';

/** Reads from the database. */
export interface Views {
  readonly report: Report;
  readonly pages: Pages;
}

/** The ports of the dashboard. */
export interface WebPorts extends Views {
  /** Runs `work` with views of one snapshot of the database, so that the sums on a page match its rows. */
  snapshot<T>(work: (views: Views) => Promise<T>): Promise<T>;
  readonly queues: Pick<QueueBackend, 'impatientQueue' | 'check' | 'now'>;
  /** Runs one pass on its host's worker and removes the job afterwards. */
  request(data: JobData, timeoutMs: number): Promise<JobResult>;
  isWorkerRunning(host: string): Promise<boolean>;
  readonly pauses: PausePort;
  readonly silences: Silences;
  /** The record of what people did. */
  readonly audit: Audit;
  /** The figures of all hosts for `/metrics`. */
  hostFigures(): Promise<readonly HostFigures[]>;
  /** The heartbeat to the outside; null: not configured. */
  heartbeat(): Promise<HeartbeatView | null>;
  /** What waits for each receiver of notifications. */
  undelivered(): Promise<readonly UndeliveredView[]>;
  /** The number of processes that serve the schedule. */
  countSchedulers(): Promise<number>;
  readonly log: Log;
}

/** Pauses and resumes hosts. */
export interface PausePort {
  /** @param asked.seconds null: until somebody resumes it */
  pause(host: string, asked: { by: string; why: string; seconds: number | null }): Promise<unknown>;
  /** Also of a host that is not paused. */
  resume(host: string): Promise<unknown>;
  /** Somebody resumed its queue on Bull Board: ends the record of its pause, if there is one. */
  resumed(host: string): Promise<unknown>;
}

/** The proxies in front of the dashboard. */
export interface ProxySettings {
  /** The header, in lower case, with which a trusted proxy names the user; null: none does. */
  readonly header: string | null;
  /** The addresses and networks of the trusted proxies. */
  readonly trusted: readonly string[];
  /** The role of users who are not in the file of users. */
  readonly role: Role;
}

export interface WebSettings {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** A user who may act; null: none. Without any user the dashboard is read-only. */
  readonly credentials: Credentials | null;
  /** The path of the file of users; null: none. */
  readonly usersFile: string | null;
  readonly proxy: ProxySettings;
  /** The public address of the dashboard behind a proxy, for links. */
  readonly publicUrl: string | null;
  /** More host names to accept. */
  readonly names: readonly string[];
}
