import { codeOf, reasonOf } from '../lib/errors.ts';

/** Errors of Redis that need somebody to change something, each with advice. The first that holds applies. */
const rules: readonly { holds: (code: string, text: string) => boolean; advice: string }[] = [
  {
    holds: (code) => code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID',
    advice: "Renew the server's certificate, and check the clock of this machine",
  },
  {
    holds: (code) => code === 'ERR_TLS_CERT_ALTNAME_INVALID',
    advice: 'Connect to a host name or address that the certificate names',
  },
  {
    holds: (code) => /^(SELF_SIGNED|DEPTH_ZERO_SELF_SIGNED|UNABLE_TO_|CERT_|INVALID_CA)/.test(code),
    advice: "Set REDIS_CA_FILE to the certificate of the authority that signed the server's",
  },
  {
    holds: (code) => /^ERR_SSL_.*(ALERT|CERTIFICATE_REQUIRED)/.test(code),
    advice:
      'The server refused our certificate: set REDIS_CERT_FILE and REDIS_KEY_FILE to one of its authority',
  },
  {
    holds: (code) => code.startsWith('ERR_SSL_'),
    advice: "The port does not speak TLS: use redis:// or the server's TLS port",
  },
  {
    holds: (_, text) => /\b(WRONGPASS|NOAUTH)\b|invalid username-password pair/.test(text),
    advice: 'Check the user and the password in REDIS_URL',
  },
  {
    holds: (_, text) => /\bNOPERM\b/.test(text),
    advice: 'Give the user the rights of docs/redis.md',
  },
  {
    holds: (_, text) => /No such master with that name/.test(text),
    advice: 'The Sentinels do not know a master of this name: check the name in REDIS_URL',
  },
];

/** The advice for an error; null: it may pass by itself. */
export const redisAdvice = (error: unknown): string | null =>
  rules.find(({ holds }) => holds(codeOf(error) ?? '', reasonOf(error)))?.advice ?? null;

/** Whether an error stays until somebody changes something. */
export const isLasting = (error: unknown): boolean => redisAdvice(error) !== null;
