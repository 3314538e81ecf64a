import { type Html, html } from '../html.ts';

/** Links to the same list for other programs. @param path of the API */
export const otherForms = (path: string): Html =>
  html`<p class="help forms">The same list as <a href="${path}">JSON</a> or <a href="${path}${path.includes('?') ? '&' : '?'}format=csv">CSV</a></p>`;
