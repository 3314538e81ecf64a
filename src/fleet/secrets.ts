import { isNumber, isObject, type Json } from '../lib/json.ts';
import { withoutSecrets } from '../lib/mask.ts';

const mask = '***';

/** A kind of setting that the name of its key identifies as a secret. */
interface Kind {
  /** Whether a key is of this kind. @param joined its words in lower case, without separators */
  readonly isNamed: (joined: string, last: string, words: readonly string[]) => boolean;
  /** Whether a value is not a secret although its key is of this kind. */
  readonly spares: (value: Json) => boolean;
}

const isSwitch = (value: Json): boolean => typeof value === 'boolean';
/** In an INI file, every value is text. */
const isAmount = (value: Json): boolean =>
  isSwitch(value) ||
  isNumber(value) ||
  (typeof value === 'string' && /^(?:true|false|yes|no|on|off|none|\d{1,3})$/i.test(value));

/** These identify a secret anywhere in the key. */
const strong = /password|passwd|passphrase|passcode|pass$|secret|token|credential|bearer|authorization/;
const short = /^(?:pwds?|psk|pins?|t?otp|jwt|dsns?)$/;
/** Keys that end with one of these describe a property of a secret, and are not secret. */
const aspect =
  /^(?:prompt|policy|authentication|length|min|minimum|max|maximum|timeout|ttl|expiry|lifetime|rounds|attempts|algorithm)$/;
const secretKey =
  /(?:private|api|access|host|ssh|rsa|dsa|ecdsa|ed25519|secret|shared|sign|signing|auth|master|encryption|session|account|license|wpa|tls|ssl)keys?$/;
const hash = /^(?:hash|hashes|ntlm|salts?|cookies?|sessions?)$/;
const people = /^(?:users|userdb|accounts?|logins|creds?|auth|community)$/;

/** The first kind that matches the key applies. */
const kinds: readonly Kind[] = [
  { isNamed: (_, last) => aspect.test(last), spares: () => true },
  {
    isNamed: (joined, _, words) => strong.test(joined) || words.some((word) => short.test(word)),
    spares: isSwitch,
  },
  { isNamed: (joined) => /connstr|conn(?:ection)?string|^user$/.test(joined), spares: isSwitch },
  { isNamed: (joined) => secretKey.test(joined), spares: isAmount },
  { isNamed: (joined) => /sessionid$|(?:nt|lm|ntlm)hash(?:es)?$/.test(joined), spares: isAmount },
  { isNamed: (_, last) => hash.test(last) || people.test(last), spares: isAmount },
  { isNamed: (_, last) => /^keys?$/.test(last), spares: (value) => !looksLikeKey(value) },
];

/** Masks everything in `service_config` that looks like a secret. */
export function maskSecrets(config: Json): Json {
  if (!isObject(config)) return config;
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => [key, key === 'service_config' ? hide(value) : value]),
  );
}

function hide(value: Json): Json {
  if (typeof value === 'string') return hideInText(value);
  if (Array.isArray(value)) return value.map(hide);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      // Keys may be user names or secrets.
      hideInText(key),
      isSecret(key, inner) || (key === 'value' && isNamedSecret(value)) ? mask : hide(inner),
    ]),
  );
}

/** Whether an object is of the form `{name: "ROOT_PASSWORD", value: …}`, which is used for environments. */
const isNamedSecret = ({ name, key, value = null }: { readonly [key: string]: Json }): boolean =>
  [name, key].some((one) => typeof one === 'string' && isSecret(one, value));

function isSecret(key: string, value: Json): boolean {
  if (value === null || value === '') return false;
  const words = wordsOf(key);
  const kind = kinds.find(({ isNamed }) => isNamed(words.join(''), words.at(-1) ?? '', words));
  return kind !== undefined && !kind.spares(value);
}

/** Splits `snake_case`, `kebab-case`, `camelCase`, `SSHHostKey` and `with.dots`; drops a number at the end. */
const wordsOf = (key: string): readonly string[] =>
  key
    .replace(/(?<!ed25519)(?<=\D)\d+$/i, '')
    .replace(/([a-z\d])([A-Z])|([A-Z])(?=[A-Z][a-z])/g, '$1$3 $2')
    .toLowerCase()
    .split(/[^\p{L}\d]+/u)
    .filter((word) => word !== '');

/** Whether a value is a long text of letters and digits without blanks, unlike `id`, `true` or `F5`. */
const looksLikeKey = (value: Json): boolean =>
  typeof value === 'string'
    ? /^\S{12,}$/.test(value) && /\d/.test(value) && /[a-z]/i.test(value)
    : (isObject(value) || Array.isArray(value)) && Object.values(value).some(looksLikeKey);

/** Texts that are secrets under any key. */
const patterns: readonly RegExp[] = [
  /-----BEGIN [A-Z\d ]+-----.*?(?:-----END [A-Z\d ]+-----|$)/gs,
  /\beyJ[\w-]{5,}\.[\w-]*\.[\w-]*/g,
  /\b(?:ghp_|gho_|ghs_|github_pat_|glpat-|xox[abpr]-|sk_live_|AKIA|ASIA|AIza)[\w-]{12,}/g,
  // Hashes of crypt(3) and similar functions, of LDAP, PostgreSQL and MySQL, and other hashes in hexadecimal digits.
  /\$(?:1|2[abxy]?|5|6|7|y|gy|apr1|md5|sha1|P|H|argon2(?:id|i|d)|scrypt|pbkdf2[\w-]*|bcrypt[\w-]*)\$[^\s"';]{8,}/g,
  /\{(?:S?SHA(?:256|384|512)?|S?MD5|CRYPT|PBKDF2[\w-]*|ARGON2)\}[^\s"',;]+/gi,
  /\bSCRAM-SHA-\d+\$[^\s"',;]+/g,
  /(?<![\da-z])(?:md5|0x)?[\da-f]{32,}(?![\da-z])/gi,
];

/** A secret setting within a text, such as `Uid=sa;Pwd=…` or `ROOT_PASSWORD=…`. */
const setting =
  /(\b[\w.-]{0,64}(?:password|passwd|passphrase|secret|token|pwd|pass)\s*=\s*)(?:"[^"]*"|'[^']*'|[^\s;,&"']+)/gi;

function hideInText(text: string): string {
  const hidden = patterns.reduce((shown, one) => shown.replace(one, mask), withoutSecrets(text));
  return hidden
    .replace(setting, `$1${mask}`)
    .replace(/[A-Za-z\d+/_-]{32,}={0,2}(?![A-Za-z\d])/g, (run) => (isRandom(run) ? mask : run));
}

/**
 * Whether a long run of letters and digits is base64, not a path, a host name or words. In base64, neighbouring
 * characters are often of different kinds: capital letter, small letter or digit.
 */
function isRandom(run: string): boolean {
  if (run.endsWith('=')) return /[a-z\d]/i.test(run);
  if (!/[a-z]/.test(run) || !/[A-Z]/.test(run) || !/\d/.test(run)) return false;
  const kindOf = (sign: string): string =>
    /[a-z]/.test(sign) ? 'small' : /[A-Z]/.test(sign) ? 'capital' : /\d/.test(sign) ? 'digit' : 'other';
  const signs = [...run].map(kindOf);
  const pairs = signs.slice(1).map((kind, at) => [signs[at], kind]);
  const within = pairs.filter((pair) => !pair.includes('other'));
  return within.filter(([one, next]) => one !== next).length >= 0.4 * within.length;
}
