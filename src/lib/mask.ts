import { isObject, type Json } from './json.ts';
import { parseJson } from './json-text.ts';

/**
 * Hides passwords in addresses. Text that cannot be distinguished from a password is hidden, too: an unreadable address is
 * better than a readable password.
 */
const mask = '***';

/** Start and end offset. */
type Span = readonly [from: number, to: number];

const known = 'postgres(?:ql)?|rediss?|mysql|mariadb|mongodb|amqps?|https?|wss?|ftps?|ldaps?|smtps?|tcp|ssh';
/** The begin of an address: a scheme with at least one slash; for well-known schemes none is needed. */
const scheme = new RegExp(`(?<=[a-z0-9+.-]):[/\\\\]+|\\b(?:${known}):(?=[^\\s/\\\\])`, 'gi');
const hasScheme = new RegExp(`^\\s*[a-z][a-z0-9+.-]*:[/\\\\]|^\\s*(?:${known}):`, 'i');
/** A token in place of user and password. */
const lone = /https?:[/\\]+([^\s/?#@:\\]+)@/gi;
const parameter = /[?&;#]([\w.%[\]-]{1,64})=/g;
/** Matches the next parameter. A value contains this only if it is not encoded. @param sign the separator before the current one */
const nextParameter = (sign: string): RegExp =>
  sign === ';' ? /;\s*[\w.%[\]-]{1,64}=/g : /&[\w.%[\]-]{1,64}=/g;
const isMasked = /^\*\*\*(?=$|[&\s"'`),;\]}])/;
const secretName =
  /pass(?:wd|word|phrase|code)?s?$|pwd$|token|secret|credential|signature$|^sig$|^jwt$|auth$|^oauth|^authorization$|^key$|(?:api|access|private|shared|account|signing|encryption|master|function|subscription)key$|session(?:id)?$/;

/**
 * Hides every password in addresses of a text, up to the last `@` of the text: a password may contain all characters that
 * otherwise end an address. JSON stays valid JSON: each string is handled separately.
 */
export function withoutSecrets(text: string): string {
  if (!/[@=]/.test(text)) return text;
  // Handle the lines of a stack separately: they are not part of an address and may contain `@`.
  const hidden = text
    .split(/(?=\n[ \t]+at )/)
    .map(hideIn)
    .join('');
  return hidden === text ? text : (hiddenInJson(text) ?? hidden);
}

/** Hides passwords in JSON; null: the text is not a JSON object or list. */
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

/** As `withoutSecrets`, for a text that is an address, even without a scheme. */
export const maskAddress = (address: string): string =>
  hide(address, [...spansIn(address), ...(hasScheme.test(address) ? [] : passwordAfter(address, 0))]);

const hideIn = (text: string): string => hide(text, spansIn(text));

function spansIn(text: string): readonly Span[] {
  // The first address is enough: the hidden part ends at the last `@` of the text.
  scheme.lastIndex = 0;
  const password = scheme.test(text) ? passwordAfter(text, scheme.lastIndex) : [];
  const tokens = [...text.matchAll(lone)].map(({ index, 0: found, 1: token = '' }): Span => {
    const to = index + found.length - 1;
    return [to - token.length, to];
  });
  return [...password, ...tokens, ...parametersOf(text)];
}

/** The part after the user name. @param from the offset of the user name */
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

/** Replaces spans with the mask; adjacent and overlapping spans are merged. */
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
