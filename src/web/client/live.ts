// Updates pages that the server rendered: ages tick, changes appear, filters apply immediately.

const stream = document.getElementById('stream');
/** The base address of the dashboard. Behind a proxy it may include a path. */
const root = new URL('../', import.meta.url);
/** The minimum time between two refreshes, in milliseconds. */
const atMostEvery = 800;
/** How long a change stays highlighted, in milliseconds. */
const markFor = 6000;

/** `12 s`, in the same format as the server. @param ms milliseconds */
function ageOf(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** Whether times are shown as such instead of as ages: a title can be read only with a mouse. */
let showsTimes = localStorage.getItem('times') === 'absolute';

/** `2026-01-31 12:00:05`, in the reader's time zone. */
const timeOf = (at: number): string => new Date(at).toLocaleString('sv-SE');

function textOf(time: HTMLTimeElement, now: number): string {
  const at = Date.parse(time.dateTime);
  if (showsTimes) return timeOf(at);
  if (time.dataset.until === undefined) return `${ageOf(now - at)}${time.dataset.suffix ?? ''}`;
  return at > now ? `in ${ageOf(at - now)}` : 'due';
}

function tick(): void {
  const now = Date.now();
  for (const time of document.querySelectorAll<HTMLTimeElement>('time[datetime]')) {
    const text = textOf(time, now);
    if (time.textContent !== text) time.textContent = text;
  }
  showHealth();
}

// What a screen reader says: a summary of the changes, and that the connection is lost; not each second how old the data is.

const announced = document.getElementById('announced');

function announce(text: string): void {
  if (announced !== null) announced.textContent = text;
}

/** `web-01 failed`, or how many changed. */
function announceChanges(changes: readonly string[]): void {
  if (changes.length === 0) return;
  announce(changes.length <= 3 ? changes.join(', ') : `${changes.length} rows have changed`);
}

// The state of the event stream.

let heard = Date.now();
let trouble: 'off' | 'lost' | 'blind' | null = 'off';

function showHealth(): void {
  if (stream === null) return;
  const old = Date.now() - heard;
  const [state, text] =
    trouble === null && old < 15_000
      ? ['live', '● live']
      : trouble === 'off'
        ? ['off', 'connecting …']
        : [
            'lost',
            `◌ ${trouble === 'blind' ? 'the database does not answer' : 'reconnecting …'} showing ${ageOf(old)} old data`,
          ];
  if (stream.dataset.state !== state) {
    if (state === 'lost') announce('Live updates are interrupted');
    if (state === 'live' && stream.dataset.state === 'lost') announce('Live updates are back');
    stream.dataset.state = state;
  }
  if (stream.textContent !== text) stream.textContent = text ?? '';
}

// On a change the page is fetched again, and the rows that differ are replaced.

let isRefreshing = false;
let isDue = false;
let url = location.href;

async function refresh(): Promise<void> {
  if (isRefreshing) {
    isDue = true;
    return;
  }
  isRefreshing = true;
  isDue = false;
  const asked = url;
  try {
    const reply = await fetch(asked, { headers: { accept: 'text/html' } });
    if (reply.ok && asked === url) put(new DOMParser().parseFromString(await reply.text(), 'text/html'));
  } catch {
    // The state of the stream shows that the server is unreachable.
  } finally {
    setTimeout(() => {
      isRefreshing = false;
      if (isDue) void refresh();
    }, atMostEvery);
  }
}

function put(page: Document): void {
  document.title = page.title;
  for (const fresh of page.querySelectorAll<HTMLElement>('[data-live]')) {
    const old = document.getElementById(fresh.id);
    if (old !== null) merge(old, fresh);
  }
  tick();
}

/**
 * Replaces only the rows that differ when the keys and their order are the same. Otherwise replaces everything, but not while
 * the pointer or the focus is inside: the row there must not move.
 */
function merge(old: HTMLElement, fresh: HTMLElement): void {
  const before = keyed(old);
  const after = keyed(fresh);
  const isSame = before.size === after.size && [...before.keys()].join('\n') === [...after.keys()].join('\n');
  const isHeld = old.matches(':hover') || old.contains(document.activeElement);
  const changes: string[] = [];
  for (const [key, now] of after) {
    const was = before.get(key);
    if (was === undefined || was.dataset.state === now.dataset.state) continue;
    now.classList.add('changed');
    changes.push(`${now.querySelector('th')?.innerText ?? key} ${now.dataset.state ?? ''}`);
    setTimeout(
      () => document.querySelector(`[data-key="${CSS.escape(key)}"]`)?.classList.remove('changed'),
      markFor,
    );
  }
  announceChanges(changes);
  if (before.size > 0 && (isSame || isHeld)) {
    for (const [key, now] of after) {
      const was = before.get(key);
      if (was === undefined || now.querySelector('[data-key]') !== null) replaceParts(was, now);
      else if (essence(was) !== essence(now)) was.replaceWith(now);
    }
    // Added and removed rows wait until the pointer leaves.
    if (!isSame) old.addEventListener('mouseleave', () => void refresh(), { once: true });
    return;
  }
  if (essence(old) !== essence(fresh)) {
    const details = [...old.querySelectorAll('details')].map(({ open }) => open);
    old.replaceChildren(...fresh.childNodes);
    for (const [at, one] of old.querySelectorAll('details').entries()) one.open = details[at] ?? false;
  }
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

/** The markup of an element without ages and highlights, to compare it. */
function essence(element: Element): string {
  const copy = element.cloneNode(true) as HTMLElement;
  copy.classList.remove('changed');
  for (const time of copy.querySelectorAll('time')) time.textContent = '';
  for (const one of copy.querySelectorAll('.changed')) one.classList.remove('changed');
  return copy.outerHTML.replaceAll(' class=""', '');
}

function listen(): void {
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
  // The server reports earlier changes at its next check.
  events.addEventListener('open', hear);
  events.addEventListener('error', () => {
    if (trouble !== 'off') trouble = 'lost';
    showHealth();
    // The browser does not reconnect after an error status, so connect again.
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  });
}

// Filters apply immediately and are kept in the address.

const filters = document.querySelector<HTMLFormElement>('#filters');
let typing: ReturnType<typeof setTimeout> | undefined;

function filter(): void {
  if (filters === null) return;
  const parts = [...new FormData(filters)]
    .filter(([, value]) => value !== '')
    .map(([name, value]) => [name, String(value)]);
  const query = new URLSearchParams(parts).toString();
  url = new URL(query === '' ? '.' : `?${query}`, root).href;
  history.replaceState(null, '', url);
  const asked = url;
  void fetch(asked)
    .then((reply) => reply.text())
    .then((text) => {
      // The filters have changed in the meantime.
      if (asked !== url) return;
      const page = new DOMParser().parseFromString(text, 'text/html');
      for (const fresh of page.querySelectorAll<HTMLElement>('[data-live]'))
        document.getElementById(fresh.id)?.replaceChildren(...fresh.childNodes);
      tick();
    })
    .catch(() => undefined);
}

filters?.addEventListener('change', filter);
filters?.addEventListener('input', (event) => {
  clearTimeout(typing);
  if (event.target instanceof HTMLInputElement) typing = setTimeout(filter, 250);
});
filters?.addEventListener('submit', (event) => {
  event.preventDefault();
  filter();
});

// The theme: light, dark or the system's.

const themes = ['system', 'light', 'dark'];
const button = document.querySelector<HTMLButtonElement>('#theme');
const themeNow = (): string => document.documentElement.dataset.theme ?? 'system';
function showTheme(): void {
  if (button === null) return;
  button.hidden = false;
  button.textContent = `◑ ${themeNow()}`;
  button.setAttribute('aria-label', `Theme: ${themeNow()}. Change it`);
}
button?.addEventListener('click', () => {
  const next = themes[(themes.indexOf(themeNow()) + 1) % themes.length] ?? 'system';
  if (next === 'system') {
    delete document.documentElement.dataset.theme;
    localStorage.removeItem('theme');
  } else {
    document.documentElement.dataset.theme = next;
    localStorage.setItem('theme', next);
  }
  showTheme();
});

const times = document.querySelector<HTMLButtonElement>('#times');
function showTimes(): void {
  if (times === null) return;
  times.hidden = false;
  document.documentElement.dataset.times = showsTimes ? 'absolute' : 'age';
  times.textContent = showsTimes ? 'Times' : 'Ages';
  times.setAttribute('aria-label', `${showsTimes ? 'Times are' : 'Ages are'} shown. Change it`);
}
times?.addEventListener('click', () => {
  showsTimes = !showsTimes;
  localStorage.setItem('times', showsTimes ? 'absolute' : 'age');
  showTimes();
  tick();
});

showTheme();
showTimes();
tick();
setInterval(tick, 1000);
listen();
