import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import type { App } from '../../app/app.ts';
import { chooseStateFile, noStateFile, parseConfig } from '../../app/config.ts';
import { dockerConnection } from '../../docker/connection.ts';
import { othersOnly } from '../../fleet/desired.ts';
import { countOf } from '../../fleet/words.ts';
import { FleetError, reasonOf } from '../../lib/errors.ts';
import { printable } from '../../lib/text.ts';
import { type Context, type Register, withApp } from '../context.ts';
import { ageOf, paint, table } from '../text.ts';
import { checkDatabase, checkSchema } from './doctor-database.ts';
import { type Finding, fault, note, ok } from './finding.ts';

interface Check {
  readonly part: string;
  look(app: App): Promise<Finding>;
}

/** Checks every part in turn and says what to do about each fault; exit 1 if there is any. */
export const doctor: Register = (program, context) => {
  program
    .command('doctor')
    .description('check every part and advise how to fix each fault')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: true }) => {
      dockerConnection(parseConfig(context.env).docker);
      const findings: { part: string; verdict: Finding['verdict']; text: string }[] = [
        { part: 'configuration', ...ok('every setting is valid') },
      ];
      await withApp(
        context,
        async (app) => {
          for (const { part, look } of checks) {
            context.progress(`checking ${part} …`);
            findings.push({ part, ...(await look(app).catch(fault)) });
          }
          context.progress(null);
        },
        { level: 'silent' },
      );
      if (json) context.printJson({ checks: findings });
      else print(context, findings);
      if (findings.some(({ verdict }) => verdict === 'fault')) context.exitCode = 1;
    });
};

function print({ screen, print: say }: Context, findings: readonly ({ part: string } & Finding)[]): void {
  const signs = { ok: ['ok', 'green'], note: ['note', 'yellow'], fault: ['FAULT', 'red'] } as const;
  say(
    table(
      screen,
      findings.map(({ part, verdict, text }) => [
        paint(screen, signs[verdict][1], signs[verdict][0]),
        part,
        printable(text),
      ]),
    ),
  );
}

const checks: readonly Check[] = [
  { part: 'state file', look: checkStateFile },
  { part: 'Docker', look: checkDocker },
  { part: 'database', look: checkDatabase },
  { part: 'schema', look: checkSchema },
  {
    part: 'rights',
    look: async (app) => {
      const [database, { checkRights }] = await Promise.all([
        app.database(),
        import('../../database/rights.ts'),
      ]);
      return ok(await checkRights(database));
    },
  },
  {
    part: 'queues',
    look: async (app) => {
      const backend = await app.queues();
      await backend.check();
      const { faults, notes, text } = await backend.settings();
      if (faults.length > 0) return fault(new Error(faults.join('; ')));
      return notes.length > 0 ? note([text, ...notes].join('; ')) : ok(text);
    },
  },
  { part: 'bus', look: checkBus },
  { part: 'clocks', look: checkClocks },
];

async function checkStateFile(app: App): Promise<Finding> {
  const file = chooseStateFile(app.config);
  if (file === null) throw noStateFile();
  const { stateFileReader } = await import('../../state-file/read.ts');
  const desired = await stateFileReader(file, app.config.host).read();
  if (desired.kind === 'invalid') throw desired.error;
  if (desired.kind === 'absent')
    return note(`${file} is absent: a fleet torn down, or DECNET is not deployed yet`);
  const warning = othersOnly(desired, app.config.host);
  if (warning !== null) {
    return fault(
      new FleetError('NOT_FOUND', `${file} ${warning}`, {
        advice: 'Set DECNET_HOST_UUID to the name of this host',
      }),
    );
  }
  return ok(`${file}: ${desired.deckies.size} deckies of host ${app.config.host}`);
}

async function checkDocker(app: App): Promise<Finding> {
  const engine = await app.engine();
  const seen = await engine.list({ only: null, containers: 0, generation: '0' });
  if (seen.kind === 'unreachable') {
    return fault(
      new FleetError('NOT_FOUND', seen.reason, {
        advice: 'Start it, set DOCKER_HOST, or give this user the right to open it',
      }),
    );
  }
  const count = countOf(seen.containers.length, 'container');
  try {
    return ok(`${engine.place}: engine ${(await engine.info()).version}, ${count}`);
  } catch (error) {
    const { thisMachine } = await import('../../docker/identity.ts');
    const isTold = (await thisMachine(() => Promise.reject(error)).identity()) !== null;
    const missing = isTold
      ? 'its version is not known'
      : 'neither its version is known nor, without a machine id here, which machine this is: two under one host name would not be noticed';
    return note(
      `${engine.place}: ${count}; it does not tell of itself (GET /info): ${reasonOf(error)}. Passes work without it, ${missing}. A socket proxy lets it through with INFO=1`,
    );
  }
}

/** @see BUS.md, "The socket" */
async function checkBus(app: App): Promise<Finding> {
  const { enabled, socket } = app.config.bus;
  if (!enabled) return note('DECNET_BUS_ENABLED=false: DECNET on this host gets no messages');
  const { busSocket } = await import('../../bus/decnet.ts');
  const path = busSocket(socket);
  if (!existsSync(path)) {
    return note(
      `no bus at ${path}: DECNET on this host gets no messages${existsSync(dirname(path)) ? '' : ' (no such directory)'}`,
    );
  }
  await new Promise<void>((done, fail) => {
    const client = connect(path, () => {
      client.destroy();
      done();
    });
    client.setTimeout(3000, () => client.destroy(new Error('no answer within 3 s')));
    client.once('error', (error) =>
      fail(
        new FleetError('NOT_FOUND', `${path}: ${reasonOf(error)}`, {
          advice: "Start DECNET's bus, or set DECNET_BUS_SOCKET",
        }),
      ),
    );
  });
  return ok(path);
}

/** Seconds by which two clocks may differ without a word, and without a fault. */
const clocksDiffer = { note: 5, fault: 60 };

/** This machine's clock beside those of what it works with. What does not answer is reported by its own check. */
async function checkClocks(app: App): Promise<Finding> {
  const aheadOf = async (
    name: string,
    ask: () => Promise<number>,
  ): Promise<readonly [string, number] | null> => {
    const before = Date.now();
    const there = await ask().catch(() => Number.NaN);
    // Halfway between the question and the answer.
    const seconds = (there - (before + Date.now()) / 2) / 1000;
    return Number.isFinite(seconds) ? [name, seconds] : null;
  };
  const epoch = 'select (extract(epoch from clock_timestamp()) * 1000)::float8 as now';
  const found = await Promise.all([
    aheadOf('the database', async () => {
      const [row] = await (await app.database()).query<{ now: number }>(epoch);
      return row?.now ?? Number.NaN;
    }),
    aheadOf('the queues', async () => (await app.queues()).now()),
    aheadOf('Docker', async () => (await app.engine()).now()),
  ]);
  const clocks = found.filter((one) => one !== null);
  const off = clocks.filter(([, seconds]) => Math.abs(seconds) > clocksDiffer.note);
  if (off.length === 0)
    return ok(`alike: ${clocks.map(([name]) => name).join(', ') || 'nothing else answers'}`);
  const text = off
    .map(
      ([name, seconds]) =>
        `that of ${name} is ${ageOf(Math.abs(seconds) * 1000)} ${seconds > 0 ? 'ahead' : 'behind'}`,
    )
    .join(', ');
  const finding = `By this machine's clock ${text}. Passes are made all the same, ages are wrong: set the clocks, for example by NTP`;
  return off.some(([, seconds]) => Math.abs(seconds) > clocksDiffer.fault)
    ? fault(new Error(finding))
    : note(finding);
}
