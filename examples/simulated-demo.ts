import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BusServer, busServer } from '../test/harness/bus-server.ts';
import type { Stage, Step } from './day/day.ts';
import { decnetOn } from './day/decnet.ts';
import { messageReceiver } from './day/receiver.ts';
import { type SimulatedEngine, simulatedEngine } from './day/simulated.ts';
import { day } from './day/steps.ts';
import { demoDirectory, up } from './up.ts';

/** Runs `up` on a simulated engine that plays a day of a DECNET host. @returns its exit code */
export async function simulatedDemo(minutes: number): Promise<number> {
  if (!(minutes > 0)) {
    console.error('--minutes must be a number above 0.');
    return 2;
  }
  const { directory, stateFile } = await demoDirectory();
  const [engine, bus] = [await simulatedEngine(), await busServer(join(directory, 'bus.sock'))];
  const receiver = await messageReceiver(({ text }) => console.log(`          message to people: ${text}`));
  const ended = new AbortController();
  console.log(`This is a simulated engine: nothing of it is real, and Docker is not needed. It plays ${day.length} events of a day on a
DECNET host, within about ${minutes} min. Open the dashboard at the address below and watch. Press Ctrl-C to stop.
`);
  try {
    const playing = playDay({ engine, bus, stateFile, minutes, signal: ended.signal }).catch(
      (error: unknown) => {
        if (!ended.signal.aborted) console.error(`The day ended early: ${String(error)}`);
      },
    );
    const code = await up(stateFile, directory, {
      DOCKER_HOST: engine.host,
      DECNET_BUS_ENABLED: 'true',
      DECNET_BUS_SOCKET: bus.path,
      DECNET_WEBHOOK_URL: receiver.url,
      DECNET_ROLLOUT: String(rolloutSeconds(minutes)),
    });
    ended.abort();
    await playing;
    return code;
  } finally {
    await Promise.all([receiver.stop(), bus.stop(), engine.close()]);
    await rm(directory, { recursive: true, force: true });
  }
}

/** The time that a deployment may take: short, so that the day sees it end. */
const rolloutSeconds = (minutes: number): number => Math.ceil(minutes * 12);

interface Scene {
  readonly engine: SimulatedEngine;
  readonly bus: BusServer;
  readonly stateFile: string;
  readonly minutes: number;
  readonly signal: AbortSignal;
}

async function playDay({ engine, bus, stateFile, minutes, signal }: Scene): Promise<void> {
  const stepMs = (minutes * 60_000) / day.length;
  const decnet = decnetOn(engine, stateFile, bus);
  const stage: Stage = {
    engine,
    decnet,
    work: () => sleep(stepMs / 2, undefined, { signal }),
    untilRolloutIsOver: async () => {
      const left = decnet.writtenAt + rolloutSeconds(minutes) * 1000 - Date.now();
      await sleep(Math.max(0, left), undefined, { signal });
    },
    becomesAfterRollout: () => undefined,
    becomes: (_truths, action) => action(),
  };
  // The worker is a client of the bus as soon as it runs.
  while (bus.subscribed.length === 0) await sleep(100, undefined, { signal });
  await sleep(2000, undefined, { signal });
  for (const [at, step] of day.entries()) {
    announce(step, at + 1);
    await step.play(stage);
    await sleep(stepMs, undefined, { signal });
  }
  console.log('\nThe day is over. The dashboard stays until you press Ctrl-C.');
}

function announce({ name, what, look }: Step, number: number): void {
  console.log(`\n${number} of ${day.length}: ${name}
          ${what}
          Look: ${look}`);
}
