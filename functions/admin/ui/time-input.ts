import { beginOf, endOf } from '../day-range.ts';
import { showTime } from './format.ts';
import { type Html, html } from './html.ts';

// Without the page's script, forms take times in UTC, and their labels say so. The script shows and takes times of the reader's zone, and sends
// `data-time` where nobody has changed it. No browser may fill in what it remembers, since the script could not tell its zone.

/** An input for a time, which is ISO 8601 in UTC. */
export function timeInput(
  label: string,
  { name, time, isRequired }: { name: string; time: string | undefined; isRequired: boolean },
): Html {
  return html`${labelled(label)} <input type="datetime-local" name="${name}" value="${time?.slice(0, 16) ?? ''}" data-time="${time ?? ''}" autocomplete="off"${isRequired ? html` required` : ''}>`;
}

/** Inputs for a range of days. The last day belongs to it. */
export const dayInputs = ({ from, to }: { from?: string | undefined; to?: string | undefined }): Html =>
  html`<label>${dayInput('From', 'from', from === undefined ? null : beginOf(from))}</label>
<label>${dayInput('To', 'to', to === undefined ? null : endOf(to))}</label>`;

function dayInput(label: string, name: 'from' | 'to', time: Date | null): Html {
  const day =
    time === null ? '' : new Date(time.getTime() - (name === 'to' ? 1 : 0)).toISOString().slice(0, 10);
  return html`${labelled(label)} <input type="date" name="${name}" value="${day}" data-time="${time?.toISOString() ?? ''}" autocomplete="off">`;
}

const labelled = (label: string): Html => html`<span>${label} <span class="note zone">(UTC)</span></span>`;

/** One end of a range of days, for a reader. */
export const showDay = (given: string): Html | string =>
  given.length === 10 ? `${given} UTC` : showTime(given);
