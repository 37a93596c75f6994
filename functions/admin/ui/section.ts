import { type Html, html } from './html.ts';

/** A section with a heading. `more` stands beside the heading, such as a link to the whole list. */
export const section = (id: string, title: string, content: Html | '', more: Html | '' = ''): Html =>
  html`<section aria-labelledby="${id}"><div class="heading"><h2 id="${id}">${title}</h2>${more}</div>${content}</section>`;

/** A table that scrolls by itself where the page is narrow. */
export const table = (title: string, head: Html, rows: readonly Html[], className = ''): Html =>
  html`<div class="scroll" tabindex="0" role="group" aria-label="${title}"><table class="${className}"><caption class="hidden">${title}</caption>
<thead><tr>${head}</tr></thead><tbody>${rows}</tbody></table></div>`;

/** The heads of columns; those that begin with # are of numbers. */
export const heads = (...titles: readonly string[]): Html =>
  html`${titles.map((title) =>
    title.startsWith('#')
      ? html`<th scope="col" class="number">${title.slice(1)}</th>`
      : html`<th scope="col">${title}</th>`,
  )}`;

/** A name and its value; left out if the value is null. */
export type Fact = readonly [name: string, value: Html | string | null];

/** Names with values: short ones beside each other, sentences in lines. */
export const facts = (entries: readonly Fact[], layout: 'beside' | 'lines' = 'beside'): Html =>
  html`<dl class="facts ${layout}">${entries.flatMap(([name, value]) =>
    value === null ? [] : [html`<div><dt>${name}</dt><dd>${value}</dd></div>`],
  )}</dl>`;

/** What stands where a list has nothing. */
export const empty = (text: Html | string): Html => html`<p class="empty small">${text}</p>`;
