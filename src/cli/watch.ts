import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '../lib/errors.ts';
import { withoutSecrets } from '../lib/mask.ts';
import type { Context } from './context.ts';
import { onScreen, type Screen, screenOf } from './text.ts';

/** Cursor to the top, then everything below it removed. */
const clear = '\u001b[H\u001b[J';

/**
 * Shows a text again and again: on a terminal in its place, otherwise one after the other. When it cannot be made, the last one
 * stays, with the reason above it. The first one must succeed.
 */
export async function watch(
  context: Context,
  options: { everyMs: number; stopped: Promise<void> },
  textNow: (screen: Screen) => Promise<string>,
): Promise<void> {
  const stopping = new AbortController();
  void options.stopped.then(() => stopping.abort());
  let last: string | null = null;
  while (!stopping.signal.aborted) {
    const screen = screenOf(process.stdout, context.env);
    let problem = '';
    try {
      last = await textNow(screen);
    } catch (error) {
      if (last === null) throw error;
      problem = ` - not current, retrying: ${withoutSecrets(reasonOf(error))}`;
    }
    const head = `${new Date().toISOString().slice(0, 19)}Z, every ${options.everyMs / 1000} s${problem}`;
    if (stopping.signal.aborted) return;
    const frame = onScreen(`${head}\n\n${last ?? ''}`);
    context.write(process.stdout.isTTY ? `${clear}${cut(frame, process.stdout.rows)}` : `${frame}\n`);
    await sleep(options.everyMs, undefined, { signal: stopping.signal }).catch(() => undefined);
  }
}

/** The first lines that fit: a terminal that scrolls shows the end, and the worst is at the begin. */
function cut(text: string, rows: number | undefined): string {
  const lines = text.trimEnd().split('\n');
  const room = Math.max(5, (rows || 24) - 1);
  if (lines.length <= room) return `${lines.join('\n')}\n`;
  return `${lines.slice(0, room - 1).join('\n')}\n(${lines.length - room + 1} more lines; a filter such as --broken shows less)\n`;
}
