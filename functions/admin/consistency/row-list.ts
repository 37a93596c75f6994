import type { CheckDetail } from '../../../shared/control/check-history.ts';
import type { Difference, DifferenceClass } from '../../../shared/model/consistency.ts';
import type { Part } from '../../../shared/operations/read-part.ts';
import type { ReportedRow } from '../../../shared/staging/read-report.ts';
import { missingPart } from '../part.ts';
import { valueCell } from '../row/row-sections.ts';
import { badge } from '../ui/badge.ts';
import { NONE } from '../ui/format.ts';
import { type Html, html } from '../ui/html.ts';
import { heads, section, table } from '../ui/section.ts';
import { rowAddress } from '../view-address.ts';
import { differencesAddress } from './check-sections.ts';

/** The rows on one page. `next` is the key after which the next page begins; null on the last one. */
export type RowPage = {
  rows: readonly Difference[];
  class: DifferenceClass | undefined;
  next: string | null;
};

/** The rows that differ, for operators. `values` are those of the report, null where there is none. */
export function rowsSection(
  check: CheckDetail,
  { rows, class: name, next }: RowPage,
  values: Part<ReportedRow[]> | null,
): Html | '' {
  if (rows.length === 0 && name === undefined) return '';
  const reported = new Map(values?.value?.map((row) => [row.key, row]));
  const items = rows.map((row) => differenceRow(check.view, row, reported.get(row.key)));
  const older =
    next === null
      ? ''
      : html`<p class="more"><a href="${differencesAddress(check.id, { ...(name !== undefined && { class: name }), after: next })}">More rows</a></p>`;
  return section(
    'rows',
    name === undefined ? 'Rows that differ' : `Rows that differ: ${name}`,
    html`${values?.error === undefined ? '' : missingPart('The values of the rows', values.error)}
${table('Rows that differ', heads('Key', 'Difference', 'Reason', 'Columns', 'Log rows', 'Repaired?'), items, 'texts')}${older}`,
    name === undefined ? '' : html`<a href="/consistency/${check.id}#rows">All rows</a>`,
  );
}

function differenceRow(view: string, row: Difference, reported: ReportedRow | undefined): Html {
  const { key, kind, columns, isRepaired } = row;
  return html`<tr id="row-${key}"><th scope="row" class="wrap"><a href="${rowAddress(view, key)}">${key}</a></th>
<td>${kind}</td><td>${row.class ?? 'not confirmed yet'}</td><td class="wrap">${reported === undefined ? columns.join(', ') || NONE : valuesOf(row, reported)}</td>
<td class="wrap">${reported === undefined || reported.logRows.length === 0 ? NONE : reported.logRows.join(', ')}</td>
<td>${isRepaired ? badge('good', 'repaired') : badge('off', 'no')}</td></tr>`;
}

/** The columns that differ with their values; all columns of a row that only one side has. */
function valuesOf({ key, columns }: Difference, { source, target }: ReportedRow): Html {
  const shown = columns.length > 0 ? columns : Object.keys(source ?? target ?? {});
  const cell = (side: Record<string, string> | null, name: string) => {
    const json = side !== null && Object.hasOwn(side, name) ? side[name] : undefined;
    return valueCell(json === 'null' ? null : json);
  };
  return html`<details><summary>${columns.join(', ') || 'all columns'}<span class="hidden"> of ${key}</span></summary><table class="values"><thead><tr>${heads('Column', 'Source', 'Target')}</tr></thead>
<tbody>${shown.map((name) => html`<tr><th scope="row">${name}</th><td>${cell(source, name)}</td><td>${cell(target, name)}</td></tr>`)}</tbody></table></details>`;
}
