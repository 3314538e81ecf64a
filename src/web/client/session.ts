// What happens when the session is over: the page says so, and where to sign in.

import { announce } from './announce.ts';

/** The base address of the dashboard. Behind a proxy it may include a path. */
export const root = new URL('../', import.meta.url);

let isOver = false;
export const isSessionOver = (): boolean => isOver;

/** Says that the session is over, instead of how the stream is. */
export function endSession(): void {
  const stream = document.getElementById('stream');
  if (isOver || stream === null) return;
  isOver = true;
  const link = document.createElement('a');
  const here = `/${location.href.slice(root.href.length)}`;
  link.href = new URL(`login?to=${encodeURIComponent(here)}`, root).href;
  link.textContent = 'Sign in';
  stream.dataset.state = 'ended';
  stream.replaceChildren('Your session has ended. ', link);
  announce('Your session has ended');
}

/** Whether an answer is the login page, or asks for a login. */
export const isLoginAsked = ({ status, redirected, url }: Response): boolean =>
  status === 401 || (redirected && new URL(url).pathname === new URL('login', root).pathname);
