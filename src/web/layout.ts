import { version } from '../lib/package.ts';
import { type Html, html, type Part } from './html.ts';

export interface Page {
  readonly title: string;
  readonly body: Html;
  /** The current entry of the navigation. */
  readonly section?: 'fleet' | 'hosts' | 'history';
}

const link = (href: string, name: string, isHere: boolean): Html =>
  html`<a href="${href}"${isHere ? html` aria-current="page"` : null}>${name}</a>`;

const keyHelp = html`<dialog id="keys" aria-labelledby="keys-title"><h2 id="keys-title">Keys</h2>
<dl>${[
  [['/'], 'search'],
  [['j'], 'next row'],
  [['k'], 'previous row'],
  [['Enter'], 'open it; in the search: go to the first row'],
  [['←', '→', '↑', '↓'], 'move on the map'],
  [['g', 'f'], 'the fleet'],
  [['g', 'h'], 'all hosts'],
  [['g', 'y'], 'the history'],
  [['g', 'q'], 'the queues'],
].map(
  ([keys, what]) =>
    html`<div><dt>${[keys ?? []].flat().map((key) => html`<kbd>${key}</kbd> `)}</dt><dd>${what as string}</dd></div>`,
)}</dl>
<form method="dialog"><button>Close</button></form></dialog>`;

/** A whole page. It works without scripts, which only add live updates. */
export const layout = ({ title, body, section }: Page): string =>
  `<!doctype html>\n${
    html`<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · decnet-fleet</title>
<link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/style.css?${version}">
<link rel="stylesheet" href="/assets/map.css?${version}">
<script src="/assets/theme.js?${version}"></script>
<script type="module" src="/assets/live.js?${version}"></script>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header class="top">
<a class="brand" href="/">decnet-fleet</a>
<p id="stream" data-state="off"><noscript>Live updates require JavaScript</noscript></p>
<nav aria-label="Site">${link('/', 'Fleet', section === 'fleet')}${link('/hosts', 'Hosts', section === 'hosts')}${link('/history', 'History', section === 'history')}${link('/queues/', 'Queues', false)}${link('/metrics', 'Metrics', false)}</nav>
<button id="times" type="button" hidden>Times</button>
<button id="theme" type="button" hidden>Theme</button>
<p id="announced" class="quiet" role="status"></p>
</header>
<main id="main" tabindex="-1">${body}</main>
<footer>decnet-fleet ${version} · <a href="/silences">Silences</a><span class="keys-hint"> · <kbd>?</kbd> shows the keys</span></footer>
${keyHelp}
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
