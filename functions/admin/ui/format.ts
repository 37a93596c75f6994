// The pages take every format from here.
export {
  formatBytes,
  formatCopy,
  formatCount,
  formatNumber,
  formatSeconds,
} from '../../../shared/model/format-amounts.ts';

import { type Html, html } from './html.ts';

/** A time in UTC, which the page's script writes in the reader's zone. */
export function showTime(time: string | Date): Html {
  const iso = new Date(time).toISOString();
  const utc = `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
  return html`<time datetime="${iso}" title="${utc}">${utc}</time>`;
}

const UTC_TIME = /(\d{4}-\d\d-\d\d) (\d\d:\d\d) UTC/g;

/** A text whose times, such as `2026-01-31 08:00 UTC`, the page's script writes in the reader's zone. */
export function timesIn(text: string): Html {
  const parts: (Html | string)[] = [];
  let end = 0;
  for (const { 0: written, 1: day, 2: clock, index } of text.matchAll(UTC_TIME)) {
    parts.push(
      text.slice(end, index),
      html`<time datetime="${day}T${clock}Z" title="${written}">${written}</time>`,
    );
    end = index + written.length;
  }
  return html`${[...parts, text.slice(end)]}`;
}

/** What stands where there is no value. */
export const NONE = html`<span class="none">–</span>`;
