import type { Tone } from '../../model/tone.ts';
import { comparedColumns } from './compare-columns.ts';
import type { RowLookup } from './look-up-row.ts';

/** How both sides compare, in one sentence, and what that means. */
export type Verdict = { tone: Tone; word: string; meaning: string };

/** Says how the row compares. A row that batches are still going to bring is no difference. */
export function verdictOf(lookup: RowLookup): Verdict {
  const { source, target, queued } = lookup;
  if (source.value === undefined && target.value === undefined) {
    return { tone: 'warning', word: 'not read', meaning: 'Neither side could be read.' };
  }
  const rows = target.value?.rows;
  if (source.value === undefined || rows === undefined || rows === null) {
    return { tone: 'off', word: 'not compared', meaning: 'Only one side was read.' };
  }
  const copies = rows.filter(({ isDeleted }) => !isDeleted);
  if (source.value.rows.length > 1 || copies.length > 1) {
    return {
      tone: 'bad',
      word: 'several rows',
      meaning: 'A side has several rows with this key. The first of them is shown; no batch can repair that.',
    };
  }
  const difference = differenceOf(lookup, source.value.rows.length, copies.length);
  if (difference === null) {
    return source.value.rows.length === 0
      ? { tone: 'off', word: 'no row', meaning: 'Neither side has a row with this key.' }
      : { tone: 'good', word: 'equal', meaning: 'Both sides have the same values.' };
  }
  const isPending = source.value.mentions.some(({ isCovered }) => !isCovered) || queued.length > 0;
  return isPending
    ? {
        tone: 'busy',
        word: 'on its way',
        meaning: `${difference} A batch that is still to come carries the row.`,
      }
    : {
        tone: 'bad',
        word: 'differs',
        meaning: `${difference} No log row that names it is waiting: look again in a minute, then check the view, which says why it differs.`,
      };
}

function differenceOf(lookup: RowLookup, rows: number, copies: number): string | null {
  if (rows === 0) return copies === 0 ? null : 'The target has the row, and the view does not.';
  if (copies === 0) return 'The view has the row, and the target does not.';
  const columns = comparedColumns(lookup).filter(({ isDifferent }) => isDifferent === true).length;
  if (columns === 0) return null;
  return columns === 1 ? 'One column differs.' : `${columns} columns differ.`;
}
