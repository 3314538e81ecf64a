import { lastLinesFromJson } from '../../fleet/last-lines.ts';
import type { JsonObject } from '../../lib/json.ts';
import { quotedLines } from './last-lines.ts';

/** The body for Slack, with Slack's escapes: the name of a decky or a reason must not become a link or a mention. */
export function slackBody({ text, link, last_lines: lines }: JsonObject): { text: string } {
  const words = [text, ...(typeof link === 'string' ? [link] : [])].join(' ');
  const all = [words, ...quotedLines(lastLinesFromJson(lines))].join('\n');
  return { text: all.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;') };
}
