import type { Sending } from '../../pass/outbox.ts';
import { type About, aboutOf } from './about.ts';
import { linesInOne } from './last-lines.ts';

/** `local0`, as DECNET's own log lines have it. */
const facility = 16;
/** The severities of syslog: critical, warning, notice and informational. */
const severities = { critical: 2, warning: 4, info: 6 } as const;
const notice = 5;
/** Our structured data. The number after @ is the one for those without their own. */
const element = 'decnetFleet@32473';
/** Bytes of a message that every receiver of UDP should take. */
const bytesAtMost = 2048;

/** A line of RFC 5424. @param now the time of the line @param machine this machine's name */
export function syslogLine({ id, body }: Sending, now: number, machine: string): string {
  const about = aboutOf(body);
  const data = {
    id,
    incident: about.id,
    severity: about.severity,
    event: about.isResolved ? 'resolved' : 'open',
    ...(about.host === null ? {} : { host: about.host }),
  };
  const head = [
    `<${facility * 8 + levelOf(about)}>1`,
    new Date(now).toISOString(),
    word(machine, 255),
    'decnet-fleet',
    '-',
    word(about.kind, 32),
    `[${element}${Object.entries(data)
      .map(([name, value]) => ` ${name}="${escaped(value)}"`)
      .join('')}]`,
    // A byte order mark says that the text is UTF-8.
    '\uFEFF',
  ].join(' ');
  return cut(
    `${head}${[about.text, about.next, ...linesInOne(about.lastLines)].filter((part) => part !== '').join('; ')}`,
  );
}

const levelOf = ({ isResolved, severity }: About): number => (isResolved ? notice : severities[severity]);

/** A word of the head: printable ASCII without spaces. */
const word = (text: string, atMost: number): string => text.replace(/[^!-~]+/g, '').slice(0, atMost) || '-';

const escaped = (text: string): string => text.replace(/["\\\]]/g, '\\$&').replace(/\p{Cc}+/gu, ' ');

/** Cuts off what is too long, and no part of a character. */
function cut(line: string): string {
  const bytes = Buffer.from(line);
  if (bytes.length <= bytesAtMost) return line;
  return new TextDecoder('utf-8', { fatal: false, ignoreBOM: true })
    .decode(bytes.subarray(0, bytesAtMost))
    .replace(/\uFFFD+$/, '');
}

/** A line on a connection, with its length before it. @see RFC 6587, "Octet Counting" */
export const counted = (line: string): string => `${Buffer.byteLength(line)} ${line}`;
