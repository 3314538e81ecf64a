import type { Sending } from '../../pass/outbox.ts';
import { aboutOf, headlineOf } from './about.ts';
import { indentedLines } from './last-lines.ts';

/** A mail, as the library for mail takes it. */
export interface Mail {
  readonly subject: string;
  readonly text: string;
  readonly messageId: string;
  /** The mails of one incident are one thread. */
  readonly references: string;
  readonly headers: Readonly<Record<string, string>>;
}

const subjectAtMost = 200;

export function mailOf({ id, body }: Sending): Mail {
  const about = aboutOf(body);
  const lines = [
    about.text,
    '',
    ...(about.next === '' ? [] : [about.next]),
    ...(about.link === null ? [] : [about.link]),
    ...(about.extent === '' ? [] : [`Affected: ${about.extent}`]),
    `Severity: ${about.severity}`,
    `Incident: ${about.id}, since ${about.since}`,
    ...indentedLines(about.lastLines).map((line) => (line.startsWith(' ') ? line : `\n${line}`)),
  ];
  const thread = `${about.id}.${about.since}`.replace(/[^\w.-]+/g, '-');
  return {
    subject: headlineOf(about).slice(0, subjectAtMost),
    text: `${lines.join('\n')}\n`,
    // The same at every attempt, so that a repeat is recognized.
    messageId: `<${id}@decnet-fleet.invalid>`,
    references: `<${thread}@decnet-fleet.invalid>`,
    // Mailing lists and absence replies leave it alone.
    headers: { 'Auto-Submitted': 'auto-generated', 'Decnet-Notification-Id': id },
  };
}
