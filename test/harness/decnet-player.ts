import { DatabaseSync } from 'node:sqlite';
import type { Decky } from '../../src/fleet/decky.ts';
import type { Container } from '../../src/fleet/plan/container-match.ts';
import { isObject, type JsonObject } from '../../src/lib/json.ts';
import { parseJson } from '../../src/lib/json-text.ts';
import type { DecnetDatabase, Standing } from './decnet-table.ts';
import { container, exited, serviceOf } from './facts.ts';

type Service = 'running' | 'exited';

/** A DECNET host as its second writer has it: the state file, the containers, and what DECNET does to its own table. */
export class DecnetPlayer {
  readonly #database: DecnetDatabase;
  readonly #digits: number;
  /** The deckies of the state file. */
  readonly file = new Map<string, Decky>();
  /** decky → service → its container. */
  readonly engine = new Map<string, Map<string, Service>>();
  /** The rows that it wrote or deleted (null) last, and when, epoch milliseconds. */
  readonly wrote = new Map<string, { row: Standing | null; at: number }>();
  /** How long its writes took, milliseconds. */
  readonly waits: number[] = [];

  /** @param digits of a second's fraction, in the table's times */
  constructor(database: DecnetDatabase, digits: 6 | 0) {
    this.#database = database;
    this.#digits = digits;
  }

  containers(): readonly Container[] {
    return [...this.engine].flatMap(([decky, services]) => [
      container(decky),
      ...[...services].map(([service, state]) =>
        serviceOf(decky, service, state === 'running' ? {} : exited(1)),
      ),
    ]);
  }

  /** Its rows of the host `local`, by name. */
  async rows(): Promise<ReadonlyMap<string, Standing>> {
    const all = await this.#database.rows();
    return new Map(
      all.filter(({ host_uuid: host }) => host === 'local').map((row) => [String(row.name), row]),
    );
  }

  /** A deploy: all rows `running`, before any container starts. */
  async deploy(): Promise<void> {
    for (const decky of this.file.values()) await this.#put(decky, 'running');
  }

  start(name: string): void {
    const services = this.file.get(name)?.services ?? [];
    this.engine.set(name, new Map(services.map((service) => [service, 'running'])));
  }

  /** A live service change: the file, the row and the containers. */
  async changeServices(name: string, services: readonly string[]): Promise<void> {
    const decky = this.file.get(name);
    if (decky === undefined) return;
    const changed = { ...decky, services, config: { ...decky.config, services } };
    this.file.set(name, changed);
    await this.#put(changed, 'running');
    this.start(name);
  }

  /** `DELETE /deckies/<name>`: the row and the services; the base stays. @param prunes whether it also prunes the file */
  async tearDown(name: string, prunes: boolean): Promise<void> {
    this.engine.delete(name);
    await this.#delete(name);
    if (prunes) this.file.delete(name);
  }

  /** One round of its own reconciler. */
  async reconcile(): Promise<void> {
    const rows = await this.rows();
    for (const decky of this.file.values())
      if (!rows.has(decky.name)) await this.#put(decky, this.#stateOf(decky));
    for (const name of rows.keys()) if (!this.file.has(name)) await this.#delete(name);
    for (const decky of this.file.values()) {
      const state = this.#stateOf(decky);
      const row = rows.get(decky.name);
      if (row === undefined || row.state === state) continue;
      const now = this.#now();
      await this.#run(
        decky.name,
        `update fleet_deckies set state = ?, last_seen = ?, updated_at = ? where host_uuid = 'local' and name = ?`,
        state,
        now,
        now,
        decky.name,
      );
    }
  }

  #stateOf({ name, services }: Decky): string {
    const seen = services.map((service) => this.engine.get(name)?.get(service));
    const found = seen.filter((state) => state !== undefined);
    if (found.length === 0) return 'torn_down';
    if (!found.includes('running')) return 'failed';
    return found.every((state) => state === 'running') && found.length === seen.length
      ? 'running'
      : 'degraded';
  }

  async #put({ name, services, config, ip }: Decky, state: string): Promise<void> {
    const values = [JSON.stringify(services), JSON.stringify(config), ip, state, this.#now()];
    if ((await this.rows()).has(name))
      await this.#run(
        name,
        `update fleet_deckies set services = ?, decky_config = ?, decky_ip = ?, state = ?, updated_at = ?
         where host_uuid = 'local' and name = ?`,
        ...values,
        name,
      );
    else
      await this.#run(
        name,
        `insert into fleet_deckies (services, decky_config, decky_ip, state, updated_at, host_uuid, name)
         values (?, ?, ?, ?, ?, 'local', ?)`,
        ...values,
        name,
      );
  }

  #delete(name: string): Promise<void> {
    return this.#run(name, `delete from fleet_deckies where host_uuid = 'local' and name = ?`, name);
  }

  async #run(name: string, sql: string, ...values: readonly (string | null)[]): Promise<void> {
    const from = performance.now();
    await this.#database.run(sql, ...values);
    this.waits.push(performance.now() - from);
    this.wrote.set(name, { row: (await this.rows()).get(name) ?? null, at: Date.now() });
  }

  #now(): string {
    const text = new Date().toISOString().replace('T', ' ').slice(0, -1);
    return this.#digits === 0 ? text.slice(0, 19) : `${text}000`;
  }
}

/** The deckies of the rows that DECNET's own deploy wrote into the fixture. */
export function fixtureDeckies(file: string): readonly Decky[] {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    return db
      .prepare('select decky_config from fleet_deckies order by name')
      .all()
      .map(({ decky_config: text }) => {
        const config = parseJson(String(text));
        if (!isObject(config)) throw new Error('a row without a configuration');
        return deckyIn(config);
      });
  } finally {
    db.close();
  }
}

const deckyIn = (config: JsonObject): Decky => ({
  name: String(config.name),
  ip: String(config.ip),
  services: config.services as readonly string[],
  config,
});
