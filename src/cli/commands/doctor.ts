import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import type { App } from '../../app/app.ts';
import { type Config, chooseStateFile, noStateFile, parseConfig } from '../../app/config.ts';
import { dockerConnection } from '../../docker/connection.ts';
import { othersOnly } from '../../fleet/desired.ts';
import { portsOff, uncheckedInWords } from '../../fleet/plan/ports.ts';
import { countOf } from '../../fleet/words.ts';
import { FleetError, reasonOf } from '../../lib/errors.ts';
import { printable } from '../../lib/text.ts';
import { type Context, type Register, withApp } from '../context.ts';
import { option } from '../options.ts';
import { ago, paint, startAgain, stoppedBy, table } from '../text.ts';
import { checkDecnet } from './doctor-beside.ts';
import { checkClocks } from './doctor-clocks.ts';
import { checkDatabase, checkSchema } from './doctor-database.ts';
import { checkDecnetTable } from './doctor-decnet.ts';
import { checkHeartbeat } from './doctor-heartbeat.ts';
import { checkPauses } from './doctor-pauses.ts';
import { checkReceivers } from './doctor-receivers.ts';
import { checkUndeclared } from './doctor-undeclared.ts';
import { type Finding, fault, note, ok, type Role, roles } from './finding.ts';

interface Check {
  readonly part: string;
  /** The roles that need this part; absent: all. */
  readonly for?: readonly Role[];
  /**
   * @param roles those that are checked
   * @returns null: there is nothing to check
   */
  run(app: App, roles: readonly Role[]): Promise<Finding | readonly Finding[] | null>;
}

const asked = [...roles, 'all'] as const;

/** Checks every part in turn and prints advice for each fault; exit 1 if there is any. */
export const doctor: Register = (command, context) => {
  command
    .option('--json', 'print JSON')
    .option(
      '--role <role>',
      `check only what this role needs: ${asked.join(', ')}`,
      (text) => option.oneOf(asked, text),
      'all',
    )
    .action(async ({ json, role }: { json?: true; role: (typeof asked)[number] }) => {
      const chosen = role === 'all' ? roles : [role];
      const config = parseConfig(context.env);
      if (chosen.includes('worker')) dockerConnection(config.docker);
      const findings: { part: string; verdict: Finding['verdict']; text: string }[] = checkConfig(
        config,
        chosen,
      ).map((one) => ({ part: 'configuration', ...one }));
      await withApp(
        context,
        async (app) => {
          for (const { part, run, for: needed = roles } of checks) {
            if (!needed.some((one) => chosen.includes(one))) continue;
            context.progress(`checking ${part} …`);
            const found = await run(app, chosen).catch(fault);
            for (const one of [found].flat()) if (one !== null) findings.push({ part, ...one });
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

function checkConfig(
  { sources, warnings, loginProblem }: Config,
  chosen: readonly Role[],
): readonly Finding[] {
  const found = warnings.map(note);
  if (loginProblem !== null && chosen.includes('dashboard'))
    found.push(fault(new FleetError('CONFIG_INVALID', loginProblem)));
  const from = sources.file === null ? '' : `, with ${sources.file}`;
  return found.length > 0 ? found : [ok(`every setting is valid${from}`)];
}

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
  { part: 'state file', for: ['worker'], run: checkStateFile },
  { part: 'Docker', for: ['worker'], run: checkDocker },
  { part: 'ports', for: ['worker'], run: checkPorts },
  { part: 'database', run: checkDatabase },
  { part: 'schema', run: checkSchema },
  {
    part: 'rights',
    run: async (app) => {
      const [database, { checkRights }] = await Promise.all([
        app.database(),
        import('../../database/rights.ts'),
      ]);
      return ok(await checkRights(database));
    },
  },
  {
    part: 'queues',
    run: async (app) => {
      const backend = await app.queues();
      await backend.check();
      const { faults, notes, text } = await backend.settings();
      if (faults.length > 0) return fault(new Error(faults.join('; ')));
      return notes.length > 0 ? note([text, ...notes].join('; ')) : ok(text);
    },
  },
  { part: 'worker', for: ['worker'], run: checkWorker },
  { part: 'pauses', run: checkPauses },
  { part: 'receivers', for: ['scheduler', 'dashboard'], run: checkReceivers },
  { part: 'heartbeat', for: ['scheduler'], run: checkHeartbeat },
  { part: 'undeclared', for: ['worker'], run: checkUndeclared },
  { part: 'bus', for: ['worker'], run: checkBus },
  { part: "DECNET's table", for: ['worker'], run: checkDecnetTable },
  { part: 'DECNET', for: ['worker'], run: checkDecnet },
  { part: 'clocks', run: checkClocks },
];

async function checkStateFile(app: App): Promise<Finding> {
  const file = chooseStateFile(app.config);
  if (file === null) throw noStateFile();
  const { stateFileReader } = await import('../../state-file/read.ts');
  const desired = await stateFileReader(file, app.config.host).read();
  if (desired.kind === 'invalid') throw desired.error;
  if (desired.kind === 'absent')
    return note(`${file} does not exist: the fleet was torn down, or DECNET is not deployed yet`);
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
  const answer = await engine.list({ only: null, containers: 0, generation: '0' });
  if (answer.kind === 'unreachable') {
    return fault(
      new FleetError('NOT_FOUND', answer.reason, {
        advice: 'Start it, set DOCKER_HOST, or allow this user to open the socket',
      }),
    );
  }
  const count = countOf(answer.containers.length, 'container');
  try {
    return ok(`${engine.location}: engine ${(await engine.info()).version}, ${count}`);
  } catch (error) {
    const { thisMachine } = await import('../../docker/identity.ts');
    const isKnown = (await thisMachine(() => Promise.reject(error)).identity()) !== null;
    const missing = isKnown
      ? 'but its version is unknown'
      : 'but its version is unknown, and because this machine has no machine id, two machines that use the same host name are not detected';
    return note(
      `${engine.location}: ${count}; GET /info failed: ${reasonOf(error)}. Passes work without it, ${missing}. A socket proxy allows it with INFO=1`,
    );
  }
}

/** Whether this program, here and as this user, sees on which ports something listens. */
async function checkPorts(app: App): Promise<Finding> {
  if (!app.config.checksPorts) return ok(uncheckedInWords(portsOff.why));
  const answer = await (await app.engine()).list({ only: null, containers: 0, generation: '0' });
  if (answer.kind === 'unreachable') return note('unknown: Docker does not answer');
  if (answer.ports.kind === 'unchecked') return note(uncheckedInWords(answer.ports.why));
  return ok(`checked in the networks of ${countOf(answer.ports.byBase.size, 'base container')}`);
}

/** Whether a worker monitors this host. A part that does not answer is reported by its own check. */
async function checkWorker(app: App): Promise<Finding> {
  const { host } = app.config;
  try {
    const report = await app.report();
    const { isWorkerConnected } = await import('../../queue/request.ts');
    const [[found], answer] = await Promise.all([
      report.hosts(host),
      isWorkerConnected(await app.queues(), host),
    ]);
    if (found?.stopped) {
      const { by, at } = found.stopped;
      return note(
        `host ${host} is not monitored: ${stoppedBy(by)} ${ago(at)}. To start its worker, ${startAgain}`,
      );
    }
    if (answer === true) return ok(`a worker of host ${host} is running`);
    const at = found?.last_full_pass_at ?? null;
    if (answer === null && at !== null && found?.stale === false)
      return ok(`host ${host} is monitored: its last full pass was ${ago(at)}`);
    return note(
      `no worker of host ${host} is running. To start it: \`decnet-fleet up\`, or \`decnet-fleet worker\``,
    );
  } catch {
    return note('unknown: the database or the queues do not answer');
  }
}

/** Checks DECNET's own bus on this host. @see BUS.md, "The socket" */
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
