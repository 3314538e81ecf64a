import { isObject, type Json } from './json.ts';
import { parseJson } from './json-text.ts';

/**
 * Hides passwords in addresses. What cannot be told from a password is hidden as well: better a place that cannot be read
 * than a password that can.
 */
const mask = '***';

/** From where on, up to where. */
type Span = readonly [from: number, to: number];

const known = 'postgres(?:ql)?|rediss?|mysql|mariadb|mongodb|amqps?|https?|wss?|ftps?|ldaps?|smtps?|tcp|ssh';
/** An address begins: one slash is enough, and of the usual ones none is needed. */
const scheme = new RegExp(`(?<=[a-z0-9+.-]):[/\\\\]+|\\b(?:${known}):(?=[^\\s/\\\\])`, 'gi');
const hasScheme = new RegExp(`^\\s*[a-z][a-z0-9+.-]*:[/\\\\]|^\\s*(?:${known}):`, 'i');
/** A token instead of user and password. */
const lone = /https?:[/\\]+([^\s/?#@:\\]+)@/gi;
const parameter = /[?&;#]([\w.%[\]-]{1,64})=/g;
/** Certainly the next one: no value has what stands here unless it was not encoded. By what the one before begins with. */
const nextParameter = (sign: string): RegExp =>
  sign === ';' ? /;\s*[\w.%[\]-]{1,64}=/g : /&[\w.%[\]-]{1,64}=/g;
const isMasked = /^\*\*\*(?=$|[&\s"'`),;\]}])/;
const secretName =
  /pass(?:wd|word|phrase|code)?s?$|pwd$|token|secret|credential|signature$|^sig$|^jwt$|auth$|^oauth|^authorization$|^key$|(?:api|access|private|shared|account|signing|encryption|master|function|subscription)key$|session(?:id)?$/;

/**
 * A text with every password of its addresses hidden, whatever the password is made of: up to the last `@` of the text,
 * since a password may hold all that otherwise ends an address. JSON stays JSON: there a text ends where its string does.
 */
export function withoutSecrets(text: string): string {
  if (!/[@=]/.test(text)) return text;
  // The calls of a stack are no part of an address, and may hold an `@`.
  const hidden = text
    .split(/(?=\n[ \t]+at )/)
    .map(hideIn)
    .join('');
  return hidden === text ? text : (hiddenInJson(text) ?? hidden);
}

/** Null: it is no object and no list of JSON. */
function hiddenInJson(text: string): string | null {
  if (!/^\s*[{[]/.test(text)) return null;
  try {
    return JSON.stringify(hiddenInStrings(parseJson(text))) + (text.endsWith('\n') ? '\n' : '');
  } catch {
    return null;
  }
}

function hiddenInStrings(value: Json): Json {
  if (typeof value === 'string') return withoutSecrets(value);
  if (Array.isArray(value)) return value.map(hiddenInStrings);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [withoutSecrets(key), hiddenInStrings(inner)]),
  );
}

/** As `withoutSecrets`, for what is an address as a whole: it need not even have a scheme. */
export const maskAddress = (address: string): string =>
  hide(address, [...spansIn(address), ...(hasScheme.test(address) ? [] : passwordAfter(address, 0))]);

const hideIn = (text: string): string => hide(text, spansIn(text));

function spansIn(text: string): readonly Span[] {
  // The first address is enough: what is hidden reaches to the last `@`, and no other one is left.
  scheme.lastIndex = 0;
  const password = scheme.test(text) ? passwordAfter(text, scheme.lastIndex) : [];
  const tokens = [...text.matchAll(lone)].map(({ index, 0: found, 1: token = '' }): Span => {
    const to = index + found.length - 1;
    return [to - token.length, to];
  });
  return [...password, ...tokens, ...parametersOf(text)];
}

/** What follows the user's name. @param from where that begins */
function passwordAfter(text: string, from: number): readonly Span[] {
  const [colon, end] = [text.indexOf(':', from), text.lastIndexOf('@')];
  return colon === -1 || end < colon ? [] : [[colon + 1, end]];
}

function parametersOf(text: string): readonly Span[] {
  const spans: Span[] = [];
  for (const { index, 0: found, 1: name = '' } of text.matchAll(parameter)) {
    const from = index + found.length;
    if (from < (spans.at(-1)?.[1] ?? 0) || !isSecretName(name)) continue;
    const masked = isMasked.exec(text.slice(from, from + mask.length + 1));
    const next = nextParameter(found.slice(0, 1));
    // A password may begin with what looks like the next parameter: its first character is never shown.
    next.lastIndex = from + 1;
    spans.push([from, masked === null ? (next.exec(text)?.index ?? text.length) : from + mask.length]);
  }
  return spans;
}

function isSecretName(encoded: string): boolean {
  const name = decoded(encoded)
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '');
  return secretName.test(name);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Spans that touch or overlap become one. */
function hide(text: string, spans: readonly Span[]): string {
  let shown = '';
  let at = 0;
  let end = -1;
  for (const [from, to] of [...spans].sort((one, other) => one[0] - other[0])) {
    if (from > end) {
      shown += text.slice(at, from) + mask;
      end = to;
    } else end = Math.max(end, to);
    at = end;
  }
  return shown + text.slice(at);
}
