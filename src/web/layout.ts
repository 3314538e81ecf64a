import { version } from '../lib/package.ts';
import { type Html, html, type Part } from './html.ts';
import { filterExamples } from './pages/filter-box.ts';
import type { Viewer } from './sign-in/visitor.ts';
import { boardPath } from './words.ts';

export interface Page {
  readonly title: string;
  readonly body: Html;
  /** The current entry of the navigation. */
  readonly section?: 'fleet' | 'hosts' | 'history';
  /** Whether it has neither a menu nor live updates, because nobody has signed in. */
  readonly isBare?: true;
}

const link = (href: string, name: string, isHere: boolean): Html =>
  html`<a href="${href}"${isHere ? html` aria-current="page"` : null}>${name}</a>`;

const keyHelp = (
  hasBoard: boolean,
): Html => html`<dialog id="keys" aria-labelledby="keys-title"><h2 id="keys-title">Keys</h2>
<dl>${[
  [['/'], 'search'],
  [['j'], 'next row'],
  [['k'], 'previous row'],
  [['Enter'], 'open it; in the search: go to the first row'],
  [['←', '→', '↑', '↓'], 'move on the map'],
  [['g', 'f'], 'the fleet'],
  [['g', 'h'], 'all hosts'],
  [['g', 'y'], 'the history'],
  [['g', 'a'], 'the availability'],
  ...(hasBoard ? [[['g', 'q'], 'the queues']] : []),
].map(
  ([keys, what]) =>
    html`<div><dt>${[keys ?? []].flat().map((key) => html`<kbd>${key}</kbd> `)}</dt><dd>${what as string}</dd></div>`,
)}</dl>
<h2>Filters</h2>
${filterExamples}
<form method="dialog"><button>Close</button></form></dialog>`;

/** Who sees a page. */
export interface Reader extends Viewer {
  /** Whether a session can be signed out. */
  readonly hasSession: boolean;
  /** Whether Bull Board is installed. */
  readonly hasBoard: boolean;
}

/** Who has signed in, with the button that ends the session. */
const signedIn = ({ name, role, hasSession }: Reader): Part =>
  name === null
    ? null
    : html`<form class="who" method="post" action="/logout"><span>${name}${role === 'look' ? ' (look)' : null}</span>${hasSession ? html`<button type="submit">Sign out</button>` : null}</form>`;

const menu = (section: Page['section'], reader: Reader): Html => html`<header class="top">
<a class="brand" href="/">decnet-fleet</a>
<p id="stream" data-state="off"><noscript>Live updates require JavaScript</noscript></p>
<nav aria-label="Site">${link('/', 'Fleet', section === 'fleet')}${link('/hosts', 'Hosts', section === 'hosts')}${link('/history', 'History', section === 'history')}${reader.hasBoard && link(`${boardPath}/`, 'Queues', false)}${link('/metrics', 'Metrics', false)}</nav>
<button id="times" type="button" hidden>Times</button>
<button id="theme" type="button" hidden>Theme</button>
${signedIn(reader)}
<p id="announced" class="quiet" role="status"></p>
</header>`;

/** A whole page. It works without scripts, which only add live updates. */
export const layout = ({ title, body, section, isBare }: Page, reader: Reader): string =>
  `<!doctype html>\n${
    html`<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · decnet-fleet</title>
<link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/style.css?${version}">
<script src="/assets/theme.js?${version}"></script>
${
  isBare
    ? null
    : html`<link rel="stylesheet" href="/assets/map.css?${version}">
<script type="module" src="/assets/live.js?${version}"></script>`
}
</head>
<body>
${isBare ? html`<header class="top"><span class="brand">decnet-fleet</span></header>` : html`<a class="skip" href="#main">Skip to the content</a>${menu(section, reader)}`}
<main id="main" tabindex="-1">${body}</main>
${
  isBare
    ? null
    : html`<footer>decnet-fleet ${version} · <a href="/availability">Availability</a> · <a href="/silences">Silences</a> · <a href="/audit">Audit log</a><span class="keys-help"> · <kbd>?</kbd> shows the keys</span></footer>
${keyHelp(reader.hasBoard)}`
}
</body>
</html>`.text
  }`;

/**
 * A page about an error: what failed, and what to do.
 * @param isPassing whether it may be over in a moment: the page's script then asks again until it is
 */
export const problem = (title: string, what: Part, advice: Part, isPassing = false): Page => ({
  title,
  body: html`<section class="problem"${isPassing ? html` data-passing` : null}><h1>${title}</h1><p>${what}</p><p>${advice}</p><p><a href="/">Go to the fleet</a></p></section>`,
});
