// Keys: `/` to the search, `j` and `k` to the next and previous row, `g` and a letter to a page, `?` to a list of them.

import { root } from './session.ts';

// Bull Board is an optional part: without it the menu has no link to the queues.
const hasBoard = document.querySelector('nav a[href$="/queues/"]') !== null;

/** The pages that `g` leads to, by the second key. */
const pages: Readonly<Record<string, string>> = {
  f: '.',
  h: 'hosts',
  y: 'history',
  a: 'availability',
  ...(hasBoard && { q: 'queues/' }),
};
/** How long `g` waits for its second key, in milliseconds. */
const secondKeyMs = 1500;
/** The links that `j` and `k` go to: one for each row. */
const rowLinks = '#incidents a, th[scope="row"] a, .host > h2 a, .map h2 a';

/** After a search that was confirmed with Enter. */
export const focusFirstRow = (): void =>
  document.querySelector<HTMLElement>('main :is(#hosts, #history) :is(th[scope="row"], h2) a')?.focus();

const help = document.querySelector<HTMLDialogElement>('#keys');
let goesUntil = 0;

function step(by: 1 | -1): void {
  const links = [...document.querySelectorAll<HTMLElement>(rowLinks)];
  const here = document.activeElement;
  // Without a row that has the focus, the next one after it in the document.
  const at = links.findIndex((link) => link === here || isBefore(here, link));
  const next =
    at === -1 ? (by === 1 ? 0 : links.length - 1) : links[at] === here ? at + by : by === 1 ? at : at - 1;
  links[next]?.focus();
}

const isBefore = (one: Element | null, other: Element): boolean =>
  one !== null &&
  one !== document.body &&
  (one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING) !== 0;

function press(key: string): boolean {
  if (performance.now() < goesUntil) {
    goesUntil = 0;
    const page = pages[key];
    if (page === undefined) return false;
    location.assign(new URL(page, root));
    return true;
  }
  if (key === 'g') goesUntil = performance.now() + secondKeyMs;
  else if (key === 'j') step(1);
  else if (key === 'k') step(-1);
  else if (key === '/') return focusSearch();
  else if (key === '?') help?.showModal();
  else return false;
  return true;
}

function focusSearch(): boolean {
  const search = document.querySelector<HTMLInputElement>('input[type="search"]');
  search?.focus();
  search?.select();
  return search !== null;
}

const isField = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || target.matches('input, select, textarea'));

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isField(event.target) || help?.open) return;
  if (press(event.key)) event.preventDefault();
});
