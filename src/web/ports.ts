import type { JobData, JobResult } from '../fleet/job.ts';
import type { Log } from '../lib/log.ts';
import type { QueueBackend } from '../queue/backend.ts';
import type { HostFigures } from '../views/metrics.ts';
import type { Pages } from '../views/pages.ts';
import type { Report } from '../views/report.ts';
import type { Credentials } from './security.ts';

/** What is read of the database. */
export interface Views {
  readonly report: Report;
  readonly pages: Pages;
}

/** What the pages ask the rest of the product. */
export interface WebPorts extends Views {
  /** Views that all read the same moment: the sums of a page are those of its rows. */
  snapshot<T>(work: (views: Views) => Promise<T>): Promise<T>;
  readonly queues: Pick<QueueBackend, 'impatientQueue' | 'check' | 'now'>;
  /** Runs one pass on its host's worker; its job is not kept. @param timeout milliseconds */
  request(data: JobData, timeout: number): Promise<JobResult>;
  workerLives(host: string): Promise<boolean>;
  /** What metrics tell of hosts. */
  hostFigures(): Promise<readonly HostFigures[]>;
  /** How many processes serve the schedule. */
  countSchedulers(): Promise<number>;
  readonly log: Log;
}

export interface WebSettings {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Null: no login, and nothing can be changed. */
  readonly credentials: Credentials | null;
  /** The address in links, behind a proxy. */
  readonly publicUrl: string | null;
  /** Further names by which it is asked. */
  readonly names: readonly string[];
}
