// On a change the page is fetched again, and the rows that differ are replaced.

import { tick } from './ages.ts';
import { merge } from './merge.ts';
import { endSession, isLoginAsked } from './session.ts';

/** The minimum time between two refreshes, in milliseconds. */
const atMostEveryMs = 800;

/** Whether this is the page of an error that may be over in a moment. */
export const isErrorPage = document.querySelector('[data-passing]') !== null;
/** How often such a page asks again, in milliseconds. */
const askAgainMs = 3000;

let isRefreshing = false;
let isDue = false;
let url = location.href;

/** The page is fetched from another address from now on. */
export function follow(address: string): void {
  url = address;
}

/** Whether it is still fetched from there. */
export const isFollowed = (address: string): boolean => url === address;

export async function refresh(): Promise<void> {
  if (isRefreshing) {
    isDue = true;
    return;
  }
  isRefreshing = true;
  isDue = false;
  const asked = url;
  try {
    const reply = await fetch(asked, { headers: { accept: 'text/html' } });
    if (isLoginAsked(reply)) endSession();
    else if (isErrorPage) {
      if (reply.ok) location.reload();
      return;
    }
    const text = reply.ok ? await reply.text() : null;
    // While it was read, filters may have changed what is shown.
    if (text !== null && asked === url) put(new DOMParser().parseFromString(text, 'text/html'));
  } catch {
    // The state of the stream shows that the server is unreachable.
  } finally {
    setTimeout(() => {
      isRefreshing = false;
      if (isDue) void refresh();
    }, atMostEveryMs);
  }
}

function put(page: Document): void {
  document.title = page.title;
  for (const fresh of page.querySelectorAll<HTMLElement>('[data-live]')) {
    const old = document.getElementById(fresh.id);
    if (old !== null) merge(old, fresh, () => void refresh());
  }
  tick();
}

if (isErrorPage) setInterval(() => void refresh(), askAgainMs);
