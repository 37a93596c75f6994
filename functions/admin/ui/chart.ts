import { NONE, showTime } from './format.ts';
import { type Html, html } from './html.ts';

/** One line or row of bars. `values` has a value, or null, for each time. */
export type Series = { label: string; values: readonly (number | null)[] };

export type Chart = {
  title: string;
  /** Written behind each value. */
  unit: 'rows' | 'seconds' | 'bytes';
  kind: 'bars' | 'stacked bars' | 'line';
  /** Unix seconds, ascending. */
  times: readonly number[];
  series: readonly Series[];
};

/** A chart that the page's script draws. Its values stand in a table below, for everybody who cannot see it. */
export function chart({ title, unit, kind, times, series }: Chart): Html {
  const drawn = JSON.stringify({ unit, kind, times, series });
  return html`<figure class="chart" data-chart="${drawn}">
  <figcaption>${title}</figcaption>
  <div class="plot" aria-hidden="true"></div>
  <details><summary>Values</summary><div class="scroll"><table>
    <caption class="hidden">${title}, in ${unit}</caption>
    <thead><tr><th scope="col">Time</th>${series.map(({ label }) => html`<th scope="col" class="number">${label}</th>`)}</tr></thead>
    <tbody>${times.map((time, i) => html`<tr><th scope="row">${showTime(new Date(time * 1000))}</th>${series.map(({ values }) => html`<td class="number">${written(values[i])}</td>`)}</tr>`)}</tbody>
  </table></div></details>
</figure>`;
}

/** A chart as high as a line of text. `words` says what it shows. */
export function sparkLine(values: readonly number[], words: string): Html {
  return html`<span class="spark" role="img" aria-label="${words}" data-spark="${JSON.stringify(values)}"></span>`;
}

const NUMBER = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

const written = (value: number | null | undefined): Html | string =>
  value === null || value === undefined ? NONE : NUMBER.format(value);
