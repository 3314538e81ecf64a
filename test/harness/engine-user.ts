/**
 * Uses an engine as the product does, in a separate process with a memory limit.
 * `node test/harness/engine-user.ts CHOICE`, in JSON; prints the result on stdout.
 */

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { endings } from '../../src/docker/endings.ts';
import { dockerEngine } from '../../src/docker/engine.ts';
import { watchEngine } from '../../src/docker/events.ts';
import type { EngineLimits } from '../../src/docker/limits.ts';
import { reasonOf } from '../../src/lib/errors.ts';
import { settingsOf } from './hostile-engine.ts';

export interface Choice {
  readonly host: string;
  readonly limits?: Partial<EngineLimits>;
  /** The actions, in turn; `watch` runs until a trigger for this decky, and a moment longer. */
  readonly ask: 'list' | 'info' | { readonly watchUntil: string };
  readonly only?: readonly string[];
  /** The memory limit in bytes. */
  readonly maxMemory: number;
}

export interface Found {
  readonly answer?: unknown;
  readonly info?: unknown;
  /** For a watch: the number of triggers of each kind, and the errors. */
  readonly triggers?: Readonly<Record<string, number>>;
  readonly faults?: readonly string[];
  readonly lastTrigger?: string;
  /** Milliseconds. */
  readonly longestDelay: number;
  /** Bytes. */
  readonly memory: number;
}

const choice = JSON.parse(process.argv[2] ?? '{}') as Choice;
const { host, limits = {}, ask } = choice;
const settings = settingsOf({ host });

let memory = 0;
const watchMemory = (): void => {
  memory = Math.max(memory, process.memoryUsage.rss());
  if (memory < choice.maxMemory) return;
  console.error(`${Math.round(memory / 1e6)} MB of memory`);
  process.exit(3);
};
setInterval(watchMemory, 20);
const eventLoopDelay = monitorEventLoopDelay({ resolution: 10 });
eventLoopDelay.enable();

async function find(): Promise<Omit<Found, 'memory' | 'longestDelay'>> {
  if (ask === 'info') {
    const info = await dockerEngine(settings, limits)
      .info()
      .catch((error: unknown) => ({ rejected: reasonOf(error) }));
    return { info };
  }
  if (ask === 'list') {
    const only = choice.only === undefined ? null : new Set(choice.only);
    return { answer: await dockerEngine(settings, limits).list({ only, containers: 0, generation: '0' }) };
  }
  const triggers: Record<string, number> = {};
  const faults: string[] = [];
  const seen = Promise.withResolvers<void>();
  let lastTrigger = '';
  const watching = watchEngine(settings, endings(), limits).start(
    (trigger) => {
      triggers[trigger.kind] = (triggers[trigger.kind] ?? 0) + 1;
      lastTrigger = JSON.stringify(trigger);
      if (trigger.kind === 'decky' && trigger.name === ask.watchUntil) seen.resolve();
    },
    (error) => {
      faults.push(reasonOf(error));
    },
  );
  await watching.ready;
  await seen.promise;
  await sleep(500);
  await watching.close();
  return { triggers, faults, lastTrigger };
}

const found = await find();
watchMemory();
console.log(JSON.stringify({ ...found, memory, longestDelay: eventLoopDelay.max / 1e6 } satisfies Found));
process.exit(0);
