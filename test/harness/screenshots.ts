/** `npm run screenshots`: writes screenshots of a running fleet, light, dark and on a phone, to docs/images. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { IncidentKind } from '../../src/fleet/incidents/incident.ts';
import { severityOf } from '../../src/fleet/incidents/severity.ts';
import { sentences, type Words } from '../../src/fleet/incidents/words.ts';
import { packageRoot } from '../../src/lib/package.ts';
import { openBrowser, signing } from './browser.ts';
import type { TestDatabase } from './database.ts';
import { broken, died } from './incidents.ts';
import { globalSetup, globalTeardown } from './services.ts';
import { openStage } from './stage.ts';

const login = { user: 'ops', password: 'of the screenshots' };
const pages = {
  fleet: '/',
  map: '/?view=map',
  hosts: '/hosts',
  host: '/hosts/host-a',
  decky: '/deckies/host-a/web-01',
  history: '/history',
  silences: '/silences',
  audit: '/audit',
  availability: '/availability?over=week',
};
const looks = [
  { name: 'light', colorScheme: 'light', width: 1280, height: 800 },
  { name: 'dark', colorScheme: 'dark', width: 1280, height: 800 },
  { name: 'phone', colorScheme: 'light', width: 360, height: 740 },
] as const;

const lab = broken('lab-030', { host: 'host-c' });
/** The kinds of incidents that this fleet does not have by itself: their words, and how many deckies they affect. */
const others: Partial<Record<IncidentKind, readonly [words: Words, deckies: number]>> = {
  scheduler_silent: [sentences.scheduler_silent(''), 0],
  docker_unreachable: [sentences.docker_unreachable(lab.host), 40],
  host_down: [sentences.host_down(lab), 36],
  pass_failing: [sentences.pass_failing('config.deckies[0].ip is missing', lab.host), 40],
  deployment_failed: [
    sentences.deployment_failed({
      ...lab,
      cause: { ...died, deployment: { outcome: 'failed', of: lab.name } },
    }),
    2,
  ],
  decky_flapping: [sentences.decky_flapping(lab), 1],
  host_flapping: [sentences.host_flapping(lab.host), 40],
  host_stopped: [sentences.host_stopped({ by: 'ops', at: Date.now() - 7 * 60_000 }, lab.host), 40],
};

/** Inserts them for the picture that shows them: the scheduler ends them at its next look. */
const insertOthers = (db: TestDatabase): Promise<unknown> =>
  db.query(
    `insert into fleet_incidents
       (id, kind, severity, cause, next_command, next_host, since, opened_at, changed_at, extent, most, affected, ever)
     select 'sample-' || kind, kind, severity, cause, command, host, at, at, at, size, size, names, names
     from jsonb_to_recordset($1) sample (kind text, severity text, cause text, command text, host text, deckies int),
       lateral (select now() - interval '7 min' as at,
         jsonb_build_object('hosts', least(deckies, 1), 'deckies', deckies, 'down', deckies) as size,
         case deckies when 0 then '[]' else jsonb_build_array(jsonb_build_object('host', $2::text)) end as names) values_of
     where not exists (select from fleet_incidents where id = 'sample-' || kind and closed_at is null)`,
    [
      JSON.stringify(
        Object.entries(others).map(([kind, [{ cause, next }, deckies]]) => ({
          ...{ kind, cause, ...next, deckies },
          severity: severityOf(kind as IncidentKind, [], new Map()),
        })),
      ),
      lab.host,
    ],
  );

const directory = join(packageRoot, 'docs', 'images');
await mkdir(directory, { recursive: true });
await globalSetup();
const stage = await openStage('redis', {
  DASHBOARD_USER: login.user,
  DASHBOARD_PASSWORD: login.password,
  DECNET_INTERVAL: '10',
});
const browser = await openBrowser();
try {
  // Sample data: a day of history, another host, a stale host, and some recent failures.
  await stage.store.db.query(`delete from fleet_transitions where name = 'web-01'`);
  await stage.store.db.query(
    `insert into fleet_transitions (host_uuid, name, from_state, to_state, reason, at) values
      ('host-a', 'web-01', null, 'running', 'new in the file', now() - interval '6 days'),
      ('host-a', 'web-01', 'running', 'failed', 'http: exited, code 1; https: exited, code 1', now() - interval '20 hours'),
      ('host-a', 'web-01', 'failed', 'running', 'all containers run', now() - interval '17 hours')`,
  );
  await stage.store.db.query(
    `insert into fleet_hosts (host_uuid, interval_s, last_pass_at, last_full_pass_at, last_observed_at, version) values
      ('host-b', 30, now(), now(), now(), '0.1.0'),
      ('host-c', 30, now() - interval '4 min', now() - interval '4 min', now() - interval '4 min', '0.1.0')`,
  );
  await stage.store.db.query(
    `insert into fleet_deckies (host_uuid, name, services, decky_ip, state, last_error)
     select h, 'lab-' || to_char(n, 'FM000'), '["ssh", "http"]', '198.51.100.' || n, 'running', null
     from unnest(array['host-b', 'host-c']) h, generate_series(1, 40) n`,
  );
  // Each state, beside those that the engine shows.
  await stage.store.db.query(
    `update fleet_deckies set state = odd.state, last_error = odd.reason
     from (values ('lab-007', 'torn_down', 'no container'), ('lab-011', 'pending', 'deploying'),
       ('lab-012', 'tearing_down', null), ('lab-013', 'teardown_failed', 'ssh: exited, code 139')) odd (name, state, reason)
     where host_uuid = 'host-b' and fleet_deckies.name = odd.name`,
  );
  // More of what can be wrong: a host without passes, a paused one, and messages that nobody takes.
  await stage.store.db.query(
    `update fleet_hosts set paused_at = now() - interval '10 min', paused_until = now() + interval '2 hours',
       paused_by = 'ops', paused_why = 'new kernel' where host_uuid = 'host-b'`,
  );
  await stage.store.db.query(
    `insert into fleet_notifications (host_uuid, body, attempts, created_at, due_at)
     values ('host-b', '{"kind": "decky_down"}', 3, now() - interval '6 minutes', now() + interval '1 hour')`,
  );
  await stage.store.db.query(
    `insert into fleet_audit (at, who, via, act, host_uuid, target, details, outcome) values
      (now() - interval '3 hours', 'ops', 'page', 'sign in', null, null, null, 'done'),
      (now() - interval '2 hours', 'night', 'page', 'sign in', null, null, null, 'refused'),
      (now() - interval '1 hour', 'root', 'cli', 'pause', 'host-b', null, 'new kernel', 'done'),
      (now() - interval '20 minutes', 'ops', 'page', 'reconcile', 'host-a', null, null, 'done')`,
  );
  await stage.engine.container('web-01-https').kill();
  await stage.engine.container('files-01-smb').kill();
  const context = await browser.newContext({ ...signing(login), reducedMotion: 'reduce' });
  const page = await context.newPage();
  await page.goto(stage.url);
  await page.waitForSelector('tr[data-key="host-a web-01"][data-state=degraded]');
  await page.waitForSelector('#incidents .trouble:nth-of-type(4)', { timeout: 120_000 });
  for (const { name, colorScheme, ...viewport } of looks) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize(viewport);
    for (const [which, path] of Object.entries(pages)) {
      if (which === 'fleet') await insertOthers(stage.store.db);
      // An address of its own: the answer to one that was just asked for is shared.
      await page.goto(`${stage.url}${path}${path.includes('?') ? '&' : '?'}look=${name}`);
      await page.waitForSelector('#stream[data-state=live]');
      await page.screenshot({ path: join(directory, `${which}-${name}.png`), fullPage: which === 'map' });
      await stage.store.db.query(`delete from fleet_incidents where id like 'sample-%'`);
    }
    const stranger = await browser.newPage({ colorScheme, viewport });
    await stranger.goto(`${stage.url}/login`);
    await stranger.screenshot({ path: join(directory, `login-${name}.png`) });
    await stranger.close();
  }
} finally {
  await browser.close();
  await stage.close();
  await globalTeardown();
}
