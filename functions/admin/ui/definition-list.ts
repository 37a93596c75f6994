import { type Html, html } from './html.ts';

/** A name and its value; left out if the value is null. */
export type Entry = readonly [name: string, value: Html | string | null];

/** Names with values, in columns. */
export const definitionList = (entries: readonly Entry[]): Html =>
  html`<dl class="facts">${entries.flatMap(([name, value]) =>
    value === null ? [] : [html`<div><dt>${name}</dt><dd>${value}</dd></div>`],
  )}</dl>`;
