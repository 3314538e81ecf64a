import { setTimeout as sleep } from 'node:timers/promises';
import { drawNumber, drawOne, drawSome, type Random } from '../../src/builder/random.ts';
import { deckyNames, serviceNames, stateFileText, type WalkHost } from './host.ts';
import type { Container, Declared } from './model.ts';

/** Actions of an operator, of DECNET and of the containers on a host. */
export interface Act {
  readonly name: string;
  run(): unknown;
}

type Query = (statement: string, values: readonly unknown[]) => Promise<readonly Record<string, unknown>[]>;

export const drawDeclared = (random: Random): Declared =>
  new Map(
    deckyNames
      .filter(() => random() < 0.7)
      .map((name) => [name, drawSome(random, serviceNames, drawNumber(random, 1, 3))]),
  );

/** Draws the next action on a host. */
export function drawAct(host: WalkHost, random: Random, query: Query): Act {
  const kinds = host.hasOtherWriters
    ? ['file', 'container', 'container', 'container', 'row']
    : ['file', 'container', 'container', 'container'];
  const kind = drawOne(random, kinds);
  const act =
    kind === 'file'
      ? fileAct(host, random)
      : kind === 'row'
        ? rowAct(host, random, query)
        : containerAct(host, random);
  return { ...act, name: `${host.name}: ${act.name}` };
}

function fileAct(host: WalkHost, random: Random): Act {
  const deckies = drawDeclared(random);
  const declares = [...deckies].map(([name, services]) => `${name}(${services.join()})`).join(' ');
  const acts: readonly Act[] = [
    { name: `declares ${declares}`, run: () => host.declare(deckies, 'in place') },
    { name: `declares ${declares}, by rename`, run: () => host.declare(deckies, 'by rename') },
    {
      name: `writes half of ${declares}, and later the rest`,
      run: async () => {
        const text = stateFileText(deckies);
        host.breakFile(text.slice(0, Math.floor(text.length / 2)));
        await sleep(drawNumber(random, 0, 2500));
        host.declare(deckies, 'in place');
      },
    },
    { name: 'breaks its file', run: () => host.breakFile(stateFileText(deckies).slice(0, 40)) },
    { name: 'removes its file', run: () => host.removeFile() },
    { name: 'declares none', run: () => host.declare(new Map(), 'in place') },
    { name: 'removes the directory of its file', run: () => host.removeDirectory() },
    {
      name: `removes the directory of its file, and declares ${declares}`,
      run: () => {
        host.removeDirectory();
        host.declare(deckies, 'in place');
      },
    },
  ];
  // Operators mostly declare deckies.
  return random() < 0.6 ? drawOne(random, acts.slice(0, 3)) : drawOne(random, acts);
}

function containerAct(host: WalkHost, random: Random): Act {
  const decky = drawOne(random, deckyNames);
  const service = drawOne(random, [null, ...serviceNames.filter((name) => name !== 'sniffer')]);
  const fresh = host.container(decky, service);
  const known = host.engine.containers.get(fresh.name)?.now() ?? null;
  const set = (container: Container | null, action: string): void =>
    host.engine.set(fresh.name, container, action);
  const up = (): void => {
    const next = [null, 'ssh', 'http', 'smtp_relay'].map((one) => host.container(decky, one));
    for (const one of next)
      if (host.engine.containers.get(one.name)?.now()?.status !== 'running')
        host.engine.set(one.name, one, 'start');
  };
  if (known === null || random() < 0.15) return { name: `all of ${decky} is started`, run: up };
  const started = {
    ...known,
    status: 'running',
    startedAt: Date.now(),
    restarts: 0,
    unhealthy: false,
  } as const;
  const acts: readonly Act[] = [
    { name: `${fresh.name} is killed`, run: () => set({ ...known, status: 'exited', exitCode: 137 }, 'die') },
    { name: `${fresh.name} is started`, run: () => set(started, 'start') },
    { name: `${fresh.name} is started`, run: () => set(started, 'start') },
    { name: `${fresh.name} is paused`, run: () => set({ ...known, status: 'paused' }, 'pause') },
    { name: `${fresh.name} is removed`, run: () => set(null, 'destroy') },
    {
      name: `${fresh.name} is unhealthy`,
      run: () => set({ ...started, unhealthy: true }, 'health_status: unhealthy'),
    },
    {
      name: `${fresh.name} restarts again and again`,
      run: () =>
        set(
          {
            ...started,
            restarts: 3,
            createdAt: Date.now() - 600_000,
            startedAt: Date.now() - drawNumber(random, 0, 299) * 1000,
          },
          'start',
        ),
    },
    {
      name: `${fresh.name} waits to be restarted`,
      run: () => set({ ...started, status: 'restarting', exitCode: 1 }, 'die'),
    },
    {
      name: `all of ${decky} is removed`,
      run: () => {
        for (const one of host.engine.now())
          if (
            one.decky === decky ||
            one.name === decky ||
            (one.decky === null && one.name.startsWith(`${decky}-`))
          )
            host.engine.set(one.name, null, 'destroy');
      },
    },
  ];
  return drawOne(random, acts);
}

/** `updated_at` of the row: the writer may have waited for a pass since then. */
const stampOf = (rows: readonly Record<string, unknown>[] | null): number =>
  Number(rows?.[0]?.stamp ?? Date.now());

/** Writes the host's rows as another program, as DECNET does. */
function rowAct(host: WalkHost, random: Random, query: Query): Act {
  const name = drawOne(random, deckyNames);
  const state = drawOne(random, ['running', 'running', 'pending', 'failed', 'tearing_down']);
  const write = async (
    statement: string,
    values: readonly unknown[],
    wrote: string | null,
  ): Promise<void> => {
    const rows = await query(statement, values).catch(() => null);
    // It is unknown whether an interrupted statement was executed.
    if (rows === null || rows.length > 0 || wrote === null)
      host.wroteForeign(name, { at: Date.now(), state: wrote, stampedAt: stampOf(rows) });
  };
  const acts: readonly Act[] = [
    {
      name: `another program writes ${name} ${state}`,
      run: () =>
        write(
          `insert into fleet_deckies (host_uuid, name, services, state, updated_at) values ($1, $2, '["ssh"]', $3, now())
           on conflict (host_uuid, name) do update set state = excluded.state, updated_at = now()
           returning extract(epoch from updated_at)::float8 * 1000 as stamp`,
          [host.name, name, state],
          state,
        ),
    },
    {
      name: `another program deletes ${name}`,
      run: () =>
        write(
          'delete from fleet_deckies where host_uuid = $1 and name = $2 returning name',
          [host.name, name],
          null,
        ),
    },
  ];
  return random() < 0.8 ? (acts[0] as Act) : (acts[1] as Act);
}
