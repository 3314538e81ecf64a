// Filters apply immediately and are kept in the address.

import { tick } from './ages.ts';
import { focusFirstRow } from './keys.ts';
import { follow, isFollowed } from './refresh.ts';
import { root } from './session.ts';

const filters = document.querySelector<HTMLFormElement>('#filters');
let typing: ReturnType<typeof setTimeout> | undefined;

async function filter(): Promise<void> {
  if (filters === null) return;
  const parts = [...new FormData(filters)]
    .filter(([, value]) => value !== '')
    .map(([name, value]) => [name, String(value)]);
  const query = new URLSearchParams(parts).toString();
  const asked = new URL(query === '' ? '.' : `?${query}`, root).href;
  follow(asked);
  history.replaceState(null, '', asked);
  const reply = await fetch(asked).catch(() => null);
  const text = await reply?.text();
  // The filters have changed in the meantime, or the server is unreachable, which the state of the stream shows.
  if (text === undefined || !isFollowed(asked)) return;
  const page = new DOMParser().parseFromString(text, 'text/html');
  for (const fresh of page.querySelectorAll<HTMLElement>('[data-live]'))
    document.getElementById(fresh.id)?.replaceChildren(...fresh.childNodes);
  tick();
}

filters?.addEventListener('change', () => void filter());
filters?.addEventListener('input', (event) => {
  clearTimeout(typing);
  if (event.target instanceof HTMLInputElement) typing = setTimeout(() => void filter(), 250);
});
filters?.addEventListener('submit', (event) => {
  event.preventDefault();
  clearTimeout(typing);
  void filter().then(focusFirstRow);
});
