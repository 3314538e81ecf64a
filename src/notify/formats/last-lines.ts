import { keptLastLines, type LastLines } from '../../fleet/last-lines.ts';

/** A block for each service: a heading, and the lines of its log, indented. @param atMostBytes of all lines */
export const indentedLines = (found: LastLines, atMostBytes?: number): readonly string[] =>
  Object.entries(keptLastLines(found, atMostBytes)).flatMap(([service, lines]) => [
    `Last lines of ${service}:`,
    ...lines.map((line) => `    ${line}`),
  ]);

/** The same in code blocks, where Slack and Mattermost format nothing. What ends a block, or mentions somebody, is replaced. */
export const quotedLines = (found: LastLines): readonly string[] =>
  Object.entries(found).flatMap(([service, lines]) => [
    `Last lines of ${unquoted(service)}:`,
    '```',
    ...lines.map(unquoted),
    '```',
  ]);

const unquoted = (text: string): string => text.replaceAll('`', "'").replaceAll('@', '＠');

/** The same in one line. */
export const linesInOne = (found: LastLines): readonly string[] =>
  Object.entries(found).map(([service, lines]) => `last lines of ${service}: ${lines.join(' | ')}`);
