import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stage, Step, Truth } from '../../examples/day/day.ts';
import { decnetOn } from '../../examples/day/decnet.ts';
import { realEngine } from '../../examples/day/engine.ts';
import { importTinyImage } from '../../examples/tiny-image.ts';
import { localHost } from '../../src/fleet/decky.ts';
import { busServer } from '../harness/bus-server.ts';
import { type Env, start } from '../harness/cli.ts';
import { testEngine } from '../harness/docker.ts';
import { testHost } from '../harness/host.ts';
import { waitFor } from '../harness/wait.ts';
import { type Action, isTrue, judge, type Played, type StepVerdict } from './judge.ts';
import {
  type MessageRecorder,
  type RowRecorder,
  recordEvents,
  recordMessages,
  recordRows,
} from './recorder.ts';

/** Milliseconds within which rows become true, and during which they must stay so, before the next step begins. */
const truthWithinMs = 10_000;
const staysMs = 600;
/** Milliseconds within which messages arrive: those about what someone asked for wait for 15 s. */
const messagesWithinMs = 40_000;
/** Milliseconds without an expected message, in which an unwanted one would arrive. */
const quietMs = 4000;
/** Milliseconds of a build. */
const buildMs = 1500;
/** The time that a deployment may take: longer than the largest takes on a slow machine. */
const rolloutSeconds = 60;

export interface DayResult {
  readonly verdicts: readonly StepVerdict[];
  /** What the product printed. */
  readonly output: string;
  /** Whether `up` and its dashboard went on after STOP. */
  readonly goesOn: boolean;
}

/** Plays steps on a real engine beside the whole product, `up`. @param stores the addresses of an empty database and of Redis */
export async function playDay(
  steps: readonly Step[],
  stores: Env,
  onStep: (name: string) => void = () => undefined,
): Promise<DayResult> {
  const [engine, receiver, host] = [await testEngine(), await recordMessages(), testHost()];
  const bus = await busServer(join(host.directory, 'bus.sock'));
  const image = 'decnet-fleet-day';
  await importTinyImage(engine.docker, image);
  const events = await recordEvents(engine.docker);
  const up = start(
    ['up', '--port', '0'],
    host.env({
      ...stores,
      DOCKER_HOST: engine.host,
      DECNET_BUS_SOCKET: bus.path,
      DECNET_WEBHOOK_URL: receiver.url,
      DECNET_ROLLOUT: String(rolloutSeconds),
    }),
  );
  let rows: RowRecorder | null = null;
  try {
    const said = await up.said(/dashboard +http:\/\/\S+[\s\S]*first pass[^\n]*\n/);
    const url = /dashboard +(http:\/\/[^\s]+)/.exec(said)?.[1] ?? '';
    rows = await recordRows(stores.DATABASE_URL ?? '', localHost);
    const actions: Action[] = [];
    const real = realEngine(engine.docker, image);
    const decnet = decnetOn(real, host.stateFile, bus);
    let current = '';
    const rolloutEnds = (): number => decnet.writtenAt + rolloutSeconds * 1000;
    const stage: Stage = {
      engine: real,
      decnet,
      work: () => sleep(buildMs),
      untilRolloutIsOver: async () => {
        await sleep(Math.max(0, rolloutEnds() - Date.now()));
      },
      becomesAfterRollout: (truths) => {
        actions.push({ step: current, from: rolloutEnds(), to: rolloutEnds(), truths, through: [] });
      },
      becomes: async (truths, action, through = []) => {
        const from = Date.now();
        await action();
        // An event may have the time of the answer.
        actions.push({ step: current, from, to: Date.now() + 1, truths, through });
      },
    };
    const begin = (name: string): void => {
      current = name;
      onStep(name);
    };
    const played = await playSteps(steps, stage, { actions, rows, receiver, onStep: begin, rolloutEnds });
    const goesOn = up.child.exitCode === null && (await answers(url));
    return {
      verdicts: judge({
        steps: played,
        actions,
        events: events.events,
        said: rows.said,
        messages: receiver.messages,
      }),
      output: up.output(),
      goesOn,
    };
  } finally {
    await rows?.stop();
    up.child.kill();
    await up.finished;
    events.stop();
    await bus.stop();
    await receiver.stop();
    await engine.stop();
    host.remove();
  }
}

const answers = async (url: string): Promise<boolean> =>
  fetch(`${url}/healthz`).then(
    ({ status }) => status === 200,
    () => false,
  );

interface Watched {
  readonly actions: readonly Action[];
  readonly rows: RowRecorder;
  readonly receiver: MessageRecorder;
  readonly onStep: (name: string) => void;
  /** Epoch milliseconds. */
  readonly rolloutEnds: () => number;
}

async function playSteps(
  steps: readonly Step[],
  stage: Stage,
  { actions, rows, receiver, onStep, rolloutEnds }: Watched,
): Promise<readonly Played[]> {
  const begun: { step: Step; from: number }[] = [];
  const expected: string[] = [];
  const later: string[] = [];
  /** How many of them did not arrive in time: they are not waited for again. */
  let givenUp = 0;
  const arrive = async (): Promise<void> => {
    if (Date.now() >= rolloutEnds()) expected.push(...later.splice(0));
    const missing = (): number => {
      const left = receiver.messages.map(({ text }) => text);
      return expected.filter((text) => {
        const at = left.indexOf(text);
        if (at !== -1) left.splice(at, 1);
        return at === -1;
      }).length;
    };
    await waitFor(() => missing() <= givenUp, messagesWithinMs).catch(() => undefined);
    givenUp = missing();
  };
  for (const step of steps) {
    onStep(step.name);
    const earlier = actions.length;
    begun.push({ step, from: Date.now() });
    await step.play(stage);
    // Deckies that this step did not change have had their time, and what it says about later is not true yet.
    const now = Date.now();
    const truths = new Map<string, Truth>(
      actions
        .slice(earlier)
        .filter(({ to }) => to <= now + 1)
        .flatMap((action) => Object.entries(action.truths)),
    );
    const areTrue = (): boolean => [...truths].every(([name, truth]) => isTrue(rows.now(name), truth));
    await waitFor(areTrue, truthWithinMs).catch(() => undefined);
    await sleep(staysMs);
    (step.messagesCome === undefined ? expected : later).push(...step.messages);
    if (step.settles !== true) continue;
    await arrive();
    if (step.messages.length === 0) await sleep(quietMs);
  }
  await arrive();
  await sleep(quietMs);
  const over = Date.now();
  return begun.map(({ step, from }, at) => ({ step, from, to: begun[at + 1]?.from ?? over }));
}
