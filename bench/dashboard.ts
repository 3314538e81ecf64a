/**
 * The web pages of a large fleet, by a dashboard in a separate process, run from the checkout, with PostgreSQL for the
 * rows and the queues. The content of each page is checked. Pages and floors alternate.
 */
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Browser } from 'playwright-core';
import { cellsAtMost } from '../src/web/pages/map.ts';
import { openBrowser } from '../test/harness/browser.ts';
import { testHost } from '../test/harness/host.ts';
import { postgresServer } from '../test/harness/servers.ts';
import { waitFor } from '../test/harness/wait.ts';
import { migrate, pidOf, residentMb, startDashboard, stop } from './processes.ts';
import { hostName, passesKept, type Row, recordFleet, standInWorker } from './recorded-fleet.ts';
import { median, type Table } from './report.ts';
import { measureStream } from './stream-readers.ts';

/** Milliseconds between two requests: the dashboard reuses an answer for equal requests for a quarter second. */
const apart = 350;
/** Hosts on the fleet page, and deckies of each. */
const shown = { hosts: 50, perHost: 20 };

interface Rig {
  readonly url: string;
  readonly client: pg.Client;
  readonly rows: readonly Row[];
  readonly hosts: number;
}

type Line = Record<string, number | string>;

export async function measureDashboard(options: {
  readonly hosts: number;
  /** In all. */
  readonly deckies: number;
  /** The number of readers of the event stream. */
  readonly readers: number;
  readonly rounds: number;
}): Promise<Table> {
  const { hosts, deckies, readers, rounds } = options;
  const closers: (() => unknown)[] = [];
  try {
    const host = testHost();
    closers.push(() => host.remove());
    const postgres = await postgresServer();
    closers.push(() => postgres.remove());
    const env = host.env({ DATABASE_URL: postgres.url, DECNET_BUS_ENABLED: 'false' });
    await migrate(env);
    const client = new pg.Client({ connectionString: postgres.url });
    await client.connect();
    closers.push(() => client.end());
    const rows = await recordFleet(client, options);
    const worker = await standInWorker(postgres.url, hostName(0));
    closers.push(() => worker.close());
    const { running, url } = await startDashboard(env);
    closers.push(() => stop(running));
    const memory = (when: string): Line => ({
      measured: `memory of the dashboard, ${when}`,
      'resident MB': Math.round(residentMb(pidOf(running))),
    });
    const rig: Rig = { url, client, rows, hosts };

    const fresh = memory('before the first request');
    const served = await pageTimes(rig, rounds);
    const painted = await paintTimes(rig, rounds);
    const signals = await measureStream(url, client, {
      readers,
      rounds,
      hosts: Array.from({ length: hosts }, (_, at) => hostName(at)),
    });
    return {
      name: 'dashboard',
      title: `The dashboard, ${hosts} hosts with ${deckies.toLocaleString('en')} deckies in all, one in twenty broken. Medians of ${rounds} rounds; the floor is one SELECT of the rows that a page shows and JSON.stringify of them.`,
      rows: [
        ...served,
        timeLine('first contentful paint of / in Chromium, empty cache', painted),
        timeLine(`a committed change at each of ${readers} readers of the stream`, signals),
        fresh,
        memory('after all'),
      ],
    };
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

const rounded = (value: number): number => Number(value.toFixed(1));

const timeLine = (measured: string, times: readonly number[]): Line => ({
  measured,
  'median ms': rounded(median(times)),
  'worst ms': rounded(Math.max(...times)),
});

/** A page, its expected content, and the rows that it shows. */
interface Asked {
  readonly path: string;
  readonly name: string;
  readonly holds: (body: string) => boolean;
  readonly floor: { readonly statement: string; readonly values: readonly unknown[] };
}

function askedPages({ rows, hosts }: Rig): readonly Asked[] {
  const [host, mute] = [hostName(0), hostName(hosts - 1)];
  const [known, unasked] = [rows[0], rows.at(-1)];
  if (known === undefined || unasked === undefined) throw new Error('no decky');
  const oneRow = 'select * from fleet_deckies where host_uuid = $1 and name = $2';
  return [
    {
      path: '/?view=map',
      name: '/ (the fleet, as a map)',
      holds: showsMap(rows),
      floor: {
        statement: `select host_uuid, name, state from (
          select host_uuid, name, state, row_number() over (partition by host_uuid) as place from fleet_deckies) d where place <= $1`,
        values: [cellsOfHost(rows)],
      },
    },
    {
      path: '/?view=list',
      name: '/ (the fleet, as a list)',
      holds: showsFleet(rows),
      floor: {
        statement: `select d.host_uuid, name, decky_ip, services, state, d.last_error, d.updated_at
          from fleet_deckies d where (host_uuid, name) in (select * from unnest($1::text[], $2::text[]))`,
        values: [fleetRows(rows).map(({ host_uuid }) => host_uuid), fleetRows(rows).map(({ name }) => name)],
      },
    },
    {
      path: `/hosts/${host}`,
      name: `/hosts/… (${passesKept} passes)`,
      holds: (body) => body.split('data-key="pass ').length - 1 === passesKept,
      floor: { statement: 'select * from fleet_hosts where host_uuid = $1', values: [host] },
    },
    {
      path: `/deckies/${host}/${known.name}`,
      name: '/deckies/… (its worker answers at once)',
      holds: (body) => body.includes(`<h1>${known.name}</h1>`) && body.includes(`${known.name}-http`),
      floor: { statement: oneRow, values: [host, known.name] },
    },
    {
      path: `/deckies/${mute}/${unasked.name}`,
      name: '/deckies/… (no worker runs)',
      holds: (body) => body.includes(`<h1>${unasked.name}</h1>`) && body.includes('No worker is running'),
      floor: { statement: oneRow, values: [mute, unasked.name] },
    },
    {
      path: '/metrics',
      name: '/metrics',
      holds: (body) =>
        Array.from({ length: hosts }, (_, at) => `host_stale{host="${hostName(at)}"} 0`).every((sample) =>
          body.includes(sample),
        ),
      floor: {
        statement: 'select host_uuid, state, count(*) from fleet_deckies group by host_uuid, state',
        values: [],
      },
    },
  ];
}

/** The rows that the fleet page lists: on a host with many deckies only the broken ones. */
function fleetRows(rows: readonly Row[]): readonly Row[] {
  const ofHosts = [...Map.groupBy(rows, ({ host_uuid }) => host_uuid).values()].slice(0, shown.hosts);
  return ofHosts.flatMap((some) =>
    some.length <= shown.perHost
      ? some
      : some.filter(({ state }) => state !== 'running').slice(0, shown.perHost),
  );
}

function showsFleet(rows: readonly Row[]): (body: string) => boolean {
  const expected = fleetRows(rows);
  return (body) =>
    body.includes(`${rows.length.toLocaleString('en')} deckies`) &&
    body.split('<tr data-key=').length - 1 === expected.length &&
    expected.every(({ host_uuid, name }) => body.includes(`<tr data-key="${host_uuid} ${name}"`));
}

/** The number of cells of each host on the map: all hosts have equally many deckies. */
function cellsOfHost(rows: readonly Row[]): number {
  const hosts = new Set(rows.map(({ host_uuid }) => host_uuid)).size;
  return Math.min(Math.ceil(rows.length / hosts), Math.floor(cellsAtMost / Math.min(hosts, shown.hosts)));
}

/** The number of cells on the map. */
const mappedOf = (rows: readonly Row[]): number =>
  cellsOfHost(rows) * Math.min(shown.hosts, new Set(rows.map(({ host_uuid }) => host_uuid)).size);

const showsMap =
  (rows: readonly Row[]) =>
  (body: string): boolean =>
    body.includes(`${rows.length.toLocaleString('en')} deckies`) &&
    body.split('" href="/deckies/').length - 1 === mappedOf(rows);

async function pageTimes(rig: Rig, rounds: number): Promise<readonly Line[]> {
  const pages = askedPages(rig).map((page) => ({
    page,
    first: [] as number[],
    whole: [] as number[],
    floor: [] as number[],
    bytes: 0,
  }));
  // The first round warms up.
  for (let round = 0; round <= rounds; round++) {
    for (const found of pages) {
      const { page } = found;
      await sleep(apart);
      const answer = await get(rig.url + page.path);
      if (!page.holds(answer.body))
        throw new Error(`${page.path} does not show its content, ${answer.body.length} characters`);
      found.bytes = Buffer.byteLength(answer.body);
      const floor = await floorTime(rig.client, page.floor);
      if (round === 0) continue;
      found.first.push(answer.firstByte);
      found.whole.push(answer.whole);
      found.floor.push(floor);
    }
  }
  return pages.map(({ page, first, whole, floor, bytes }) => ({
    measured: page.name,
    'first byte ms': rounded(median(first)),
    ...timeLine(page.name, whole),
    'floor ms': rounded(median(floor)),
    KB: rounded(bytes / 1024),
  }));
}

/** Sends one GET on its own connection. @returns milliseconds from the request @throws Error when the status is not 200 */
const get = (url: string): Promise<{ firstByte: number; whole: number; body: string }> =>
  new Promise((done, fail) => {
    const from = performance.now();
    const asked = request(url, { agent: false }, (reply) => {
      const parts: Buffer[] = [];
      let firstByte = 0;
      reply.on('data', (part: Buffer) => {
        if (firstByte === 0) firstByte = performance.now() - from;
        parts.push(part);
      });
      reply.on('error', fail);
      reply.on('end', () => {
        const whole = performance.now() - from;
        const body = Buffer.concat(parts).toString();
        if (reply.statusCode === 200) done({ firstByte, whole, body });
        else fail(new Error(`${url}: ${reply.statusCode}\n${body}`));
      });
    });
    asked.on('error', fail);
    asked.end();
  });

async function floorTime(client: pg.Client, { statement, values }: Asked['floor']): Promise<number> {
  const from = performance.now();
  const { rows } = await client.query(statement, [...values]);
  const text = JSON.stringify(rows);
  const time = performance.now() - from;
  if (text === '[]') throw new Error(`no rows: ${statement}`);
  return time;
}

/** Milliseconds from the start of the navigation, by the browser's clock. */
async function paintTimes({ url, rows }: Rig, rounds: number): Promise<readonly number[]> {
  const browser = await openBrowser();
  try {
    const times: number[] = [];
    for (let round = 0; round <= rounds; round++) {
      await sleep(apart);
      const time = await paintTime(browser, `${url}/?view=map`, mappedOf(rows));
      // The first page starts the renderer.
      if (round > 0) times.push(time);
    }
    return times;
  } finally {
    await browser.close();
  }
}

const paintedAt = `performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null`;

async function paintTime(browser: Browser, url: string, expected: number): Promise<number> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  try {
    const page = await context.newPage();
    await page.goto(url, { waitUntil: 'load' });
    // Not with page.waitForFunction: the policy of the pages forbids eval.
    let painted: number | null = null;
    await waitFor(async () => {
      painted = await page.evaluate(paintedAt);
      return painted !== null;
    });
    const found = await page.locator('.cells a').count();
    if (found !== expected) throw new Error(`the browser shows ${found} of ${expected} cells`);
    return Number(painted);
  } finally {
    await context.close();
  }
}
