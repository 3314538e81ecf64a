import type { JsonObject } from '../lib/json.ts';

/** One fake machine, as the state file declares it. */
export interface Decky {
  readonly name: string;
  readonly ip: string;
  /** In the file's order, each once. */
  readonly services: readonly string[];
  /** The whole object of the file, verbatim: what `decky_config` holds. */
  readonly config: JsonObject;
}

/** The host of an installation that has only one. @see DOMAIN.md */
export const localHost = 'local';

/** @see DOMAIN.md, `name` */
export const isLegalName = (name: string): boolean => /^[A-Za-z0-9._-]{1,128}$/.test(name);

/** @see CONTRACT.md, `DECNET_HOST_UUID` */
export const isLegalHost = (host: string): boolean =>
  /^[A-Za-z0-9._-]{1,64}$/.test(host) && !/^\.+$/.test(host);

/** Services that exist once per host and have no container per decky. @see DOMAIN.md */
const singletons: ReadonlySet<string> = new Set(['sniffer']);

/** The services of which each decky is expected to have a container. */
export const expectedServices = (services: readonly string[]): readonly string[] =>
  services.filter((service) => !singletons.has(service));

/** Whether `suffix` is how a container's name writes this service: as it is, or with `-` for `_`. */
export const matchesServiceName = (suffix: string, service: string): boolean =>
  suffix === service || suffix === service.replaceAll('_', '-');
