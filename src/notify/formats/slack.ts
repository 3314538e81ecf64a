import type { JsonObject } from '../../lib/json.ts';

/** The body for Slack, with Slack's escapes: the name of a decky or a reason must not become a link or a mention. */
export function slackBody({ text, link }: JsonObject): { text: string } {
  const words = [text, ...(typeof link === 'string' ? [link] : [])].join(' ');
  return { text: words.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;') };
}
