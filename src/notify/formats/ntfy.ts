import type { JsonObject } from '../../lib/json.ts';
import { type About, aboutOf, headlineOf } from './about.ts';
import { indentedLines } from './last-lines.ts';

/** ntfy has five priorities; 3 is its usual one. */
const priorities = { critical: 5, warning: 4, info: 3 } as const;
/** ntfy shows these tags as symbols. */
const tags = { critical: 'rotating_light', warning: 'warning', info: 'information_source' } as const;

/** ntfy makes an attachment of a message of more than 4096 bytes. */
const linesBytesAtMost = 2000;

/** The document that ntfy takes at its root. In the form with headers, texts could only be ASCII. */
export function ntfyBody(topic: string, body: JsonObject): JsonObject {
  const about = aboutOf(body);
  return {
    topic,
    title: headlineOf(about),
    message: [about.text, about.next, ...indentedLines(about.lastLines, linesBytesAtMost)]
      .filter((line) => line !== '')
      .join('\n'),
    priority: about.isResolved ? 3 : priorities[about.severity],
    tags: [tagOf(about)],
    ...(about.link === null ? {} : { click: about.link }),
  };
}

const tagOf = ({ isResolved, severity }: About): string => (isResolved ? 'white_check_mark' : tags[severity]);

/** The server and the topic of an address: the topic is the last part of the path. */
export function ntfyLocation(address: URL): { readonly url: URL; readonly topic: string } {
  const [, base = '/', topic = ''] = /^(.*\/)([^/]+)\/*$/.exec(address.pathname) ?? [];
  const url = new URL(address);
  url.pathname = base;
  return { url, topic };
}
