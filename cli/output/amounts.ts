import { formatNumber, formatSeconds } from '../../shared/model/format-amounts.ts';
import { NONE, styled } from './text.ts';

export {
  formatBytes,
  formatCopy,
  formatCount,
  formatNumber,
  formatSeconds,
} from '../../shared/model/format-amounts.ts';

type Counts = { added: string | null; changed: string | null; deleted: string | null };

/** What a batch changed: `+26 ~41 -3`. */
export function changes({ added, changed, deleted }: Counts): string {
  if (added === null || changed === null || deleted === null) return NONE;
  const parts = [
    added === '0' ? '' : styled('green', `+${formatNumber(added)}`),
    changed === '0' ? '' : styled('yellow', `~${formatNumber(changed)}`),
    deleted === '0' ? '' : styled('red', `-${formatNumber(deleted)}`),
  ].filter((part) => part !== '');
  return parts.length === 0 ? '0' : parts.join(' ');
}

export const CHANGES_LEGEND = '+ rows added   ~ rows changed   - rows deleted';

/** How long ago a time was: `2 min 5 s ago`. */
export const ago = (time: string): string =>
  `${formatSeconds(Math.max(0, (Date.now() - Date.parse(time)) / 1000))} ago`;

/** A time in the zone of the reader: `2026-01-31 08:00:05`. */
export function localTime(time: string): string {
  const date = new Date(time);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}`;
}

/** Of today the time, otherwise the day and the minute: `08:00:05`, `2026-01-31 08:00`. */
export function shortTime(time: string): string {
  const local = localTime(time);
  const isToday = local.slice(0, 10) === localTime(new Date().toISOString()).slice(0, 10);
  return isToday ? local.slice(11) : local.slice(0, 16);
}
