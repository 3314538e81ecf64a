// Replaces the parts of a page that have changed, and nothing else.

import { announceChanges } from './announce.ts';

/** How long a change stays highlighted, in milliseconds. */
const markForMs = 6000;

/**
 * Replaces only the rows that differ when the keys and their order are the same. Otherwise replaces everything, but not while
 * the pointer or the focus is inside: the row there must not move.
 */
export function merge(old: HTMLElement, fresh: HTMLElement, onLeave: () => void): void {
  const before = keyed(old);
  const after = keyed(fresh);
  const isSame = before.size === after.size && [...before.keys()].join('\n') === [...after.keys()].join('\n');
  const isHeld = old.matches(':hover') || old.contains(document.activeElement);
  const changes: string[] = [];
  for (const [key, now] of after) {
    const was = before.get(key);
    if (was === undefined || was.dataset.state === now.dataset.state) continue;
    now.classList.add('changed');
    changes.push(`${now.querySelector<HTMLElement>('th, h2')?.innerText ?? key} ${now.dataset.state ?? ''}`);
    setTimeout(
      () => document.querySelector(`[data-key="${CSS.escape(key)}"]`)?.classList.remove('changed'),
      markForMs,
    );
  }
  announceChanges(changes);
  const [plainBefore, plainAfter] = [plainParts(old), plainParts(fresh)];
  const isSameShape = plainBefore.length === plainAfter.length;
  if (before.size > 0 && ((isSame && isSameShape) || isHeld)) {
    for (const [key, now] of after) {
      const was = before.get(key);
      if (was === undefined || now.querySelector('[data-key]') !== null) replaceParts(was, now);
      else if (essence(was) !== essence(now)) replaceRow(was, now);
    }
    if (isSameShape) for (const [at, now] of plainAfter.entries()) replacePlain(plainBefore[at], now);
    // Added and removed rows wait until the pointer or the focus leaves.
    if (!(isSame && isSameShape)) whenLeft(old, onLeave);
    return;
  }
  if (essence(old) !== essence(fresh)) keepOpen(old, () => old.replaceChildren(...fresh.childNodes), old);
}

/** Calls back once. */
function whenLeft(element: HTMLElement, onLeave: () => void): void {
  const heard = new AbortController();
  const leave = ({ relatedTarget }: MouseEvent | FocusEvent): void => {
    if (relatedTarget instanceof Node && element.contains(relatedTarget)) return;
    heard.abort();
    onLeave();
  };
  element.addEventListener('mouseleave', leave, heard);
  element.addEventListener('focusout', leave, heard);
}

/** The parts without rows that can be replaced as a whole: paragraphs, columns, drawings. */
const plainParts = (root: HTMLElement): readonly HTMLElement[] =>
  [...root.children].filter(
    (part): part is HTMLElement =>
      part instanceof HTMLElement && part.dataset.key === undefined && !hasRows(part),
  );

function replacePlain(was: HTMLElement | undefined, now: HTMLElement): void {
  if (was !== undefined && essence(was) !== essence(now)) keepOpen(was, () => was.replaceWith(now), now);
}

/** What a reader has unfolded stays so. */
function keepOpen(was: HTMLElement, replace: () => void, now: HTMLElement): void {
  const open = [...was.querySelectorAll('details')].map((one) => one.open);
  replace();
  for (const [at, one] of now.querySelectorAll('details').entries()) one.open = open[at] ?? false;
}

/** The focus stays on the link that had it. */
function replaceRow(was: HTMLElement, now: HTMLElement): void {
  const link = was.contains(document.activeElement) ? document.activeElement?.getAttribute('href') : null;
  was.replaceWith(now);
  if (typeof link === 'string') now.querySelector<HTMLElement>(`a[href="${CSS.escape(link)}"]`)?.focus();
}

/**
 * Makes the parts of a group those of the new one: explanations appear and vanish. Parts that have not changed stay, and so do
 * those with rows, which are replaced one by one.
 */
function replaceParts(was: HTMLElement | undefined, now: HTMLElement): void {
  if (was === undefined) return;
  was.className = now.className;
  const olds = new Set(was.children);
  const parts = [...now.children].map((part) => {
    const kept = [...olds].find((old) => isSamePart(old, part));
    if (kept !== undefined) olds.delete(kept);
    return kept ?? part;
  });
  for (const old of olds) old.remove();
  let next = was.firstElementChild;
  for (const part of parts) {
    // An element that is moved loses the focus.
    if (part === next) next = next.nextElementSibling;
    else was.insertBefore(part, next);
  }
}

const isSamePart = (old: Element, now: Element): boolean =>
  hasRows(now) ? hasRows(old) : !hasRows(old) && essence(old) === essence(now);
const hasRows = (element: Element): boolean => element.querySelector('[data-key]') !== null;

const keyed = (root: HTMLElement): Map<string, HTMLElement> =>
  new Map([...root.querySelectorAll<HTMLElement>('[data-key]')].map((one) => [one.dataset.key ?? '', one]));

/** The markup of an element without ages, highlights and what the Tab key stops at, to compare it. */
function essence(element: Element): string {
  const copy = element.cloneNode(true) as HTMLElement;
  copy.classList.remove('changed');
  for (const time of copy.querySelectorAll('time')) time.textContent = '';
  for (const one of copy.querySelectorAll('[tabindex]')) one.removeAttribute('tabindex');
  for (const one of copy.querySelectorAll('.changed')) one.classList.remove('changed');
  return copy.outerHTML.replaceAll(' class=""', '');
}
