import { isObject, type Json } from './json.ts';

const secretKey = /pass(word|wd|phrase)?$|secret|token|credential|private_?key|api_?key|^users?$|accounts?$/i;

/** The decky's object with what looks like a secret in its `service_config` masked. */
export function maskSecrets(config: Json): Json {
  if (!isObject(config)) return config;
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => [key, key === 'service_config' ? mask(value) : value]),
  );
}

function mask(value: Json): Json {
  if (Array.isArray(value)) return value.map(mask);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      secretKey.test(key) && inner !== null ? '***' : mask(inner),
    ]),
  );
}
