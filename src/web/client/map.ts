// The map is one stop of the Tab key. Inside it the arrow keys move: left and right to the next link, up and down to the next host.

const hostLinks = 'h2 a';

/** Where a key leads from a link of the map; null: it does not move. */
function target(map: Element, from: Element, key: string): HTMLElement | null {
  const links = [...map.querySelectorAll<HTMLElement>('a')];
  const at = links.indexOf(from as HTMLElement);
  const hosts = links.filter((link) => link.matches(hostLinks));
  const host = hosts.findLastIndex((link) => links.indexOf(link) <= at);
  const isHost = links[at] === hosts[host];
  switch (key) {
    case 'ArrowRight':
      return links[at + 1] ?? null;
    case 'ArrowLeft':
      return links[at - 1] ?? null;
    case 'ArrowDown':
      return hosts[host + 1] ?? null;
    case 'ArrowUp':
      return hosts[isHost ? host - 1 : host] ?? null;
    case 'Home':
      return links[0] ?? null;
    case 'End':
      return hosts.at(-1) ?? null;
    default:
      return null;
  }
}

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !(event.target instanceof Element)) return;
  const map = event.target.closest('.map');
  const next = map === null ? null : target(map, event.target, event.key);
  if (next === null) return;
  event.preventDefault();
  next.focus();
});

// Tab leaves the map, and comes back to where it was left, also when the map was replaced in between.

let left: string | null = null;

/** Makes a link the one that Tab stops at. */
function stopAt(map: Element, link: HTMLElement): void {
  for (const one of map.querySelectorAll<HTMLElement>('a[tabindex="0"], a:not([tabindex])'))
    one.tabIndex = -1;
  link.tabIndex = 0;
}

document.addEventListener('focusin', ({ target: link }) => {
  const map = link instanceof HTMLElement ? link.closest('.map') : null;
  if (map === null || !(link instanceof HTMLElement)) return;
  left = link.getAttribute('href');
  stopAt(map, link);
});

const content = document.getElementById('hosts');
const restore = (): void => {
  const map = content?.querySelector('.map') ?? null;
  const link = left === null ? null : map?.querySelector<HTMLElement>(`a[href="${CSS.escape(left)}"]`);
  if (map !== null && link && link.tabIndex !== 0) stopAt(map, link);
};
if (content !== null) new MutationObserver(restore).observe(content, { childList: true, subtree: true });
