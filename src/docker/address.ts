import { isIP } from 'node:net';

/** A parsed engine address. */
export type EngineAddress =
  | { readonly kind: 'socket'; readonly path: string }
  /** @property port null: the address has no port */
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number | null; readonly secure: boolean }
  /** @property why continues a message that begins with the address */
  | { readonly kind: 'wrong'; readonly why: string; readonly advice: string };

const usualSocket = '/var/run/docker.sock';

const wrong = (why: string): EngineAddress => ({
  kind: 'wrong',
  why,
  advice: 'Allowed: unix:///path, tcp://host:port, host:port, http://…, https://…',
});

const overSsh: EngineAddress = {
  kind: 'wrong',
  why: 'is an engine behind SSH, which is not supported',
  advice:
    'Forward its socket with `ssh -N -L /run/decnet-docker.sock:/var/run/docker.sock HOST`, and set DOCKER_HOST=unix:///run/decnet-docker.sock',
};

/** Parses an address as the Docker CLI does: the default scheme is `tcp://`, and missing parts have their usual defaults. */
export function parseEngineAddress(text: string): EngineAddress {
  const [, scheme = 'tcp', rest = ''] = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(.*)$/is.exec(text.trim()) ?? [];
  switch (scheme.toLowerCase()) {
    case 'unix':
      if (rest !== '' && !rest.startsWith('/')) return wrong('is not the absolute path of a socket');
      return { kind: 'socket', path: rest.replace(/^\/?$/, usualSocket) };
    case 'tcp':
    case 'http':
      return parseTcp(rest, false);
    case 'https':
      return parseTcp(rest, true);
    case 'ssh':
      return overSsh;
    default:
      return wrong('has an unknown form');
  }
}

function parseTcp(rest: string, secure: boolean): EngineAddress {
  if (rest.startsWith('/')) return wrong('has no host');
  const location = isIP(rest) === 6 ? `[${rest}]` : rest.replace(/^(?=:|$)/, 'localhost');
  // Parse it as `tcp:` in any case: a URL with `http:` drops port 80.
  const address = `tcp://${location}`;
  if (!URL.canParse(address)) return wrong('is not an address');
  const { hostname, port, pathname, search, hash } = new URL(address);
  if (!/^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)$/i.test(hostname)) return wrong('is not an address');
  if (!/^\/?$/.test(pathname) || search !== '' || hash !== '')
    return wrong('has more than a host and a port');
  return {
    kind: 'tcp',
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? null : Number(port),
    secure,
  };
}
