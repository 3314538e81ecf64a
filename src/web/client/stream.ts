// The event stream: it says that something has changed, and whether it works.

import { ageOf } from '../../lib/age.ts';
import { announce } from './announce.ts';
import { isErrorPage, refresh } from './refresh.ts';
import { endSession, isLoginAsked, isSessionOver, root } from './session.ts';

const stream = document.getElementById('stream');
let heard = Date.now();
let trouble: 'off' | 'lost' | 'blind' | null = 'off';

/** The state of the stream, and how it is shown. */
function health(): readonly ['live' | 'off' | 'lost', string] {
  if (isErrorPage) return ['lost', '◌ trying again …'];
  const old = Date.now() - heard;
  if (trouble === null && old < 15_000) return ['live', '● live'];
  if (trouble === 'off') return ['off', 'connecting …'];
  const what = trouble === 'blind' ? 'the database does not answer' : 'reconnecting …';
  return ['lost', `◌ ${what} showing ${ageOf(old)} old data`];
}

export function showHealth(): void {
  if (stream === null || isSessionOver()) return;
  const [state, text] = health();
  if (stream.dataset.state !== state) {
    if (state === 'lost') announce('Live updates are interrupted');
    if (state === 'live' && stream.dataset.state === 'lost') announce('Live updates are back');
    stream.dataset.state = state;
  }
  if (stream.textContent !== text) stream.textContent = text;
}

export function listen(): void {
  const events = new EventSource(new URL('api/events', root));
  const hear = (): void => {
    heard = Date.now();
    trouble = null;
    showHealth();
  };
  events.addEventListener('beat', hear);
  events.addEventListener('changed', ({ data }: MessageEvent<string>) => {
    hear();
    const { hosts } = JSON.parse(data) as { hosts: string[] | null };
    const shown = document.querySelector<HTMLElement>('[data-host]')?.dataset.host;
    if (shown === undefined || hosts === null || hosts.includes(shown)) void refresh();
  });
  events.addEventListener('blind', () => {
    trouble = 'blind';
    showHealth();
  });
  events.addEventListener('signed-out', () => {
    events.close();
    endSession();
  });
  // The server reports earlier changes at its next check.
  events.addEventListener('open', hear);
  events.addEventListener('error', () => {
    if (trouble !== 'off') trouble = 'lost';
    showHealth();
    // The browser does not reconnect after an error status, so connect again.
    if (events.readyState === EventSource.CLOSED && !isSessionOver()) setTimeout(listenAgain, 2000);
  });
}

/** A stream does not say why it was refused, so ask before. */
async function listenAgain(): Promise<void> {
  const answer = await fetch(new URL('api/events', root), { method: 'HEAD' }).catch(() => null);
  if (answer !== null && isLoginAsked(answer)) endSession();
  else listen();
}
