import type { ViewSourceEntry } from '../../../shared/model/view-source-entry.ts';
import type { dryRunImport } from '../../../shared/operations/import-configuration.ts';
import { type Part, readPart } from '../../../shared/operations/read-part.ts';
import type { Dependencies } from '../../../shared/runtime/dependencies.ts';
import { missingPart } from '../part.ts';
import { badge } from '../ui/badge.ts';
import { type Html, html } from '../ui/html.ts';
import { heads, section, table } from '../ui/section.ts';
import { type EntryChange, entryChanges } from './entry-changes.ts';

type Checked = Awaited<ReturnType<typeof dryRunImport>>;

/** Seconds for the checks of one view source. */
const CHECK_SECONDS = 30;

/** What an import would do, and the fingerprint of the stored view sources by which this was found. */
export type ImportPreview = { changes: EntryChange[]; checked: Part<Checked>; seen: string };

/** Tries an import. Changes nothing. */
export async function previewImport(
  entries: ViewSourceEntry[],
  dependencies: Dependencies,
): Promise<ImportPreview> {
  const { viewSources } = dependencies.control;
  // First: what others change from now on must be noticed.
  const seen = await viewSources.fingerprint(entries.map(({ name }) => name));
  const stored = await viewSources.entries();
  const operations = await import('../../../shared/operations/import-configuration.ts');
  const checked = await readPart('the checks', CHECK_SECONDS * entries.length, () =>
    operations.dryRunImport({ entries, scope: 'views' }, dependencies),
  );
  return { changes: entryChanges(entries, stored), checked, seen };
}

/** What would be added and changed, what that means, and what the checks say. */
export const previewSections = ({ changes, checked }: ImportPreview): Html =>
  html`${section('changes', 'What would change', html`${changeTable(changes)}${checked.error === undefined ? effectList(checked.value) : ''}`)}
${section('checks', 'Checks', checked.error === undefined ? findingList(checked.value) : missingPart('What the checks say', checked.error))}`;

const changeTable = (changes: readonly EntryChange[]): Html =>
  table(
    'What would change',
    heads('View source', 'Change', 'Field', 'Now', 'Then'),
    changes.flatMap(({ view, isNew, fields }) => {
      const row = (change: string, cells: Html): Html =>
        html`<tr><th scope="row">${view}</th><td>${change}</td>${cells}</tr>`;
      if (isNew) return [row('is added', NO_FIELDS)];
      if (fields.length === 0) return [row('stays as it is', NO_FIELDS)];
      return fields.map(({ field, before, after }) =>
        row(
          'is changed',
          html`<td>${field}</td><td class="wrap">${written(before)}</td><td class="wrap">${written(after)}</td>`,
        ),
      );
    }),
  );

const NO_FIELDS = html`<td></td><td></td><td></td>`;

const written = (value: unknown): Html =>
  value === null || value === undefined
    ? html`<span class="none">none</span>`
    : html`<code>${JSON.stringify(value)}</code>`;

const effectList = ({ effects, resyncs }: Checked): Html =>
  html`${effects.length === 0 ? '' : html`<ul>${effects.map(({ view, field, message }) => html`<li>${view}, ${field}: ${message}.</li>`)}</ul>`}
${resyncs.length === 0 ? '' : html`<p>${badge('warning', 'loaded again')} ${resyncs.join(', ')}</p>`}`;

const findingList = ({ findings }: Checked): Html => {
  const of = (isShown: (finding: Checked['findings'][number]) => boolean) => findings.filter(isShown);
  const items = [
    ...of(({ ok }) => !ok),
    ...of(({ ok, advice }) => ok && advice !== undefined),
    ...of(({ ok, advice }) => ok && advice === undefined),
  ];
  return html`<ul class="findings">${items.map(
    ({ check, ok, message, advice }) =>
      html`<li>${ok ? badge(advice === undefined ? 'good' : 'warning', check) : badge('bad', check)} ${message}${
        advice === undefined ? '' : html`<span class="note">${advice}</span>`
      }</li>`,
  )}</ul>`;
};
