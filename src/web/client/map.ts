// The map and the band of the day are one stop of the Tab key each. Inside them the arrow keys move: left and right to the next link, on
// the map up and down to the next host.

/** Groups of links; those of the band are of a drawing. */
const groups = '.map, .day';
type Link = HTMLElement | SVGElement;
const isLink = (target: EventTarget | null): target is Link =>
  target instanceof HTMLElement || target instanceof SVGElement;

const hostLinks = 'h2 a';

/** Where a key leads from a link of the map; null: it does not move. */
function target(map: Element, from: Element, key: string): Link | null {
  const links = [...map.querySelectorAll<Link>('a')];
  const at = links.indexOf(from as Link);
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
      return hosts.at(-1) ?? links.at(-1) ?? null;
    default:
      return null;
  }
}

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !(event.target instanceof Element)) return;
  const map = event.target.closest(groups);
  const next = map === null ? null : target(map, event.target, event.key);
  if (next === null) return;
  event.preventDefault();
  next.focus();
});

// Tab leaves a group, and comes back to where it was left, also when the group was replaced in between.

/** By the class of the group: the address of the link. */
const left = new Map<string, string>();

/** Makes a link the one that Tab stops at. */
function stopAt(group: Element, link: Link): void {
  for (const one of group.querySelectorAll<Link>('a[tabindex="0"], a:not([tabindex])')) one.tabIndex = -1;
  link.tabIndex = 0;
}

document.addEventListener('focusin', ({ target: link }) => {
  const group = isLink(link) ? link.closest(groups) : null;
  if (group === null || !isLink(link)) return;
  left.set(group.classList[0] ?? '', link.getAttribute('href') ?? '');
  stopAt(group, link);
});

function restore(): void {
  for (const group of document.querySelectorAll(groups)) {
    const href = left.get(group.classList[0] ?? '');
    const link = href === undefined ? null : group.querySelector<Link>(`a[href="${CSS.escape(href)}"]`);
    if (link !== null && link.tabIndex !== 0) stopAt(group, link);
  }
}
for (const id of ['hosts', 'day']) {
  const content = document.getElementById(id);
  if (content !== null) new MutationObserver(restore).observe(content, { childList: true, subtree: true });
}
