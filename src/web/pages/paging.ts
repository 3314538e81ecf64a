import { type Html, html, type Part } from '../html.ts';

/** Links to the pages before and after this one; of a single page nothing. @param addressOf the address of a page */
export const paging = (page: number, last: number, addressOf: (page: number) => string): Part =>
  last === 1
    ? null
    : html`<nav class="paging" aria-label="Pages">${page > 1 ? link('prev', addressOf(page - 1), 'Previous') : null}<span>page ${page} of ${last}</span>${page < last ? link('next', addressOf(page + 1), 'Next') : null}</nav>`;

const link = (rel: 'prev' | 'next', href: string, text: string): Html =>
  html`<a rel="${rel}" href="${href}">${text}</a>`;
