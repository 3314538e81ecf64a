// Filters apply immediately and are kept in the address.

import { hostAlone, isMatch } from '../../fleet/filter/match-filter.ts';
import { type Parsed, parseFilter } from '../../fleet/filter/parse-filter.ts';
import { noFilter } from '../../fleet/filter/term.ts';
import { tick } from './ages.ts';
import { focusFirstRow } from './keys.ts';
import { follow, isFollowed, refresh } from './refresh.ts';

const filters = document.querySelector<HTMLFormElement>('#filters');
const box = filters?.querySelector<HTMLInputElement>('input[name="q"]');
const fault = document.getElementById('filter-fault');
let typing: ReturnType<typeof setTimeout> | undefined;

/** Milliseconds without a key after which the server is asked; if the filter is not understood it may be half written. */
const askAfterMs = { understood: 250, not: 1500, failed: 2000 };
/** Milliseconds between two checks at what has become too old for `since:`; no change says so. */
const agesEveryMs = 10_000;

const parsed = (): Parsed =>
  box === null || box === undefined ? { filter: noFilter, fault: null } : parseFilter(box.value);

/** The address of what is chosen now. */
function chosen(form: HTMLFormElement): string {
  const parts = [...new FormData(form)]
    .filter(([, value]) => value !== '')
    .map(([name, value]) => [name, String(value)]);
  const address = new URL(form.action);
  address.search = new URLSearchParams(parts).toString();
  return address.href;
}

async function filter(): Promise<void> {
  if (filters === null) return;
  const asked = chosen(filters);
  follow(asked);
  history.replaceState(null, '', asked);
  const reply = await fetch(asked).catch(() => null);
  const text = reply?.ok === true ? await reply.text().catch(() => null) : null;
  // The filters have changed in the meantime.
  if (!isFollowed(asked) || chosen(filters) !== asked) return;
  if (text === null) {
    // The state of the stream shows that the server is unreachable.
    typing = setTimeout(() => void filter(), askAfterMs.failed);
    return;
  }
  const page = new DOMParser().parseFromString(text, 'text/html');
  for (const fresh of page.querySelectorAll<HTMLElement>('[data-live]'))
    document.getElementById(fresh.id)?.replaceChildren(...fresh.childNodes);
  tick();
}

const textIn = (row: Element, cell: string): string | null =>
  row.querySelector<HTMLElement>(cell)?.innerText || null;

/** Hides rows that do not match what was typed, until the server answers with those that do. */
function narrow({ filter: terms }: Parsed): void {
  const now = Date.now();
  for (const row of document.querySelectorAll<HTMLElement>('table.deckies tr[data-key]')) {
    const [host = '', decky = ''] = (row.dataset.key ?? '').split(' ');
    const since = row.querySelector('time')?.dateTime;
    row.hidden = !isMatch(
      terms,
      {
        ...hostAlone(host),
        decky,
        ip: textIn(row, '.ip'),
        services: (textIn(row, '.services') ?? '').split(', '),
        reason: textIn(row, '.reason'),
        state: row.dataset.state ?? null,
        changedAt: since === undefined ? null : Date.parse(since),
      },
      now,
    );
  }
}

filters?.addEventListener('change', () => {
  clearTimeout(typing);
  void filter();
});
filters?.addEventListener('input', ({ target }) => {
  clearTimeout(typing);
  if (!(target instanceof HTMLInputElement)) return;
  const found = parsed();
  if (found.fault === null) {
    fault?.replaceChildren();
    narrow(found);
  }
  typing = setTimeout(() => void filter(), found.fault === null ? askAfterMs.understood : askAfterMs.not);
});
filters?.addEventListener('submit', (event) => {
  event.preventDefault();
  clearTimeout(typing);
  void filter().then(focusFirstRow);
});

setInterval(() => {
  if (parsed().filter.some(({ kind }) => kind === 'since')) void refresh();
}, agesEveryMs);
