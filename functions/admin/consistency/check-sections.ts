import type { CheckDetail, DifferenceGroup } from '../../../shared/control/check-history.ts';
import type { CheckState, DifferenceClass, DifferenceKind } from '../../../shared/model/consistency.ts';
import { CLASS_TEXTS, KIND_TEXTS } from '../../../shared/model/difference-classes.ts';
import { seesRows } from '../access/row-values.ts';
import type { User } from '../access/user.ts';
import { formatNumber, formatSeconds, NONE, showTime } from '../ui/format.ts';
import { type Html, html } from '../ui/html.ts';
import { inlineMarkdown } from '../ui/inline-markdown.ts';
import { facts, heads, section, table } from '../ui/section.ts';
import { describeMode } from './check-table.ts';

const STEPS: Record<CheckState, string> = {
  comparing: 'It compares the rows of both sides, part by part. A part that was read is not read again.',
  confirming:
    'It has found rows that differ, and looks at them a second time after the next batch, or the next capture that finds nothing: a row that was only on its way is no difference.',
  repairing: 'Batches fetch the rows that differ again; then it looks at them once more.',
  done: 'It has ended.',
  failed: 'It has ended without an answer.',
};

/** How far a check has come that has not ended. */
export function progress({ state, partsDone, parts, repairs }: CheckDetail): Html {
  const steps: CheckState[] = ['comparing', 'confirming', ...(repairs ? (['repairing'] as const) : [])];
  return html`<div class="progress"><ol>${steps.map((step) => html`<li${step === state ? html` aria-current="step"` : ''}>${step}</li>`)}</ol>
<p>${STEPS[state]}</p>${state === 'comparing' && parts !== null ? html`<label>Parts of the source that were read: ${formatNumber(partsDone)} of ${formatNumber(parts)} <progress value="${partsDone}" max="${parts}"></progress></label>` : ''}</div>`;
}

/** What the check compared. */
export function checkFacts(check: CheckDetail): Html {
  const { startedAt, endedAt, targetAsOf, etlTransactionId, pending } = check;
  const count = (rows: string | null) => (rows === null ? null : formatNumber(rows));
  return facts(
    [
      ['Compares', describeMode(check)],
      ['Repairs', check.repairs ? 'yes, what it finds' : 'no, it only looks'],
      ['Asked by', check.requestedBy ?? check.trigger],
      ['Begun', showTime(startedAt)],
      [
        'Ended',
        endedAt === null
          ? null
          : html`${showTime(endedAt)}, after ${formatSeconds((endedAt.getTime() - startedAt.getTime()) / 1000)}`,
      ],
      ['Target as of', targetAsOf === null ? null : showTime(targetAsOf)],
      [
        'Last batch then',
        etlTransactionId === null
          ? null
          : html`<a href="/transactions/${etlTransactionId}">batch ${etlTransactionId}</a>`,
      ],
      ['Rows of the source', count(check.sourceRows)],
      ['Rows of the target', count(check.targetRows)],
      ['Rows that batches were still to bring', count(pending)],
      ['Last look at differences', check.lookedAt === null ? null : showTime(check.lookedAt)],
    ],
    'lines',
  );
}

/** The differences in numbers: how rows differ, and why, with what helps. */
export function differenceSections(check: CheckDetail, groups: readonly DifferenceGroup[], user: User): Html {
  const kinds: [DifferenceKind, string | null][] = [
    ['missing', check.missing],
    ['extra', check.extra],
    ['different', check.different],
    ['duplicate', check.duplicates],
  ];
  const known = kinds.filter(([, rows]) => rows !== null);
  return html`${
    known.length === 0
      ? ''
      : section(
          'kinds',
          'How rows differ',
          table(
            'How rows differ',
            heads('Difference', '#Rows', 'Meaning'),
            known.map(
              ([kind, rows]) =>
                html`<tr><th scope="row">${kind}</th><td class="number">${formatNumber(rows ?? 0)}</td><td class="wrap">${KIND_TEXTS[kind]}</td></tr>`,
            ),
          ),
        )
  }
${classSection(check.id, groups, user)}`;
}

function classSection(check: string, groups: readonly DifferenceGroup[], user: User): Html | '' {
  const byClass = [...Map.groupBy(groups, (group) => group.class)];
  if (byClass.length === 0) return '';
  const nameOf = (name: DifferenceClass | null) =>
    name !== null && seesRows(user)
      ? html`<a href="${differencesAddress(check, { class: name })}">${name}</a>`
      : (name ?? 'not confirmed yet');
  const rows = byClass.map(([name, each]) => {
    const sum = (of: (group: DifferenceGroup) => number) =>
      formatNumber(each.reduce((total, group) => total + of(group), 0));
    const text = name === null ? null : CLASS_TEXTS[name];
    return html`<tr><th scope="row">${nameOf(name)}</th>
<td class="number">${sum((group) => group.rows)}</td><td class="number">${sum((group) => group.repaired)}</td>
<td class="wrap">${text === null ? 'only the first look has seen the difference' : inlineMarkdown(text.meaning)}</td><td class="wrap">${text === null ? NONE : inlineMarkdown(text.remedy)}</td></tr>`;
  });
  return section(
    'classes',
    'Why rows differ',
    table('Why rows differ', heads('Reason', '#Rows', '#Repaired', 'Meaning', 'What to do'), rows, 'texts'),
  );
}

/** The rows of a check that differ. */
export const differencesAddress = (
  check: string,
  query: { class?: DifferenceClass; after?: string },
): string => `/consistency/${check}?${new URLSearchParams(query)}#rows`;
