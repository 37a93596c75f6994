import type { TableShape } from '../../../shared/model/columns.ts';
import type { ViewSourceEntry } from '../../../shared/model/view-source-entry.ts';
import { type Part, readPart } from '../../../shared/operations/read-part.ts';
import { resolveEntries, sourcesAfter } from '../../../shared/operations/resolve-entries.ts';
import type { Dependencies } from '../../../shared/runtime/dependencies.ts';
import { countViewRows, type ViewRows } from '../../../shared/source/count-view-rows.ts';
import { describeView } from '../../../shared/source/describe-view.ts';
import { inSnapshot } from '../../../shared/source/snapshot.ts';
import type { Evolution } from '../../../shared/warehouse/evolution.ts';
import { missingPart } from '../part.ts';
import { formatNumber } from '../ui/format.ts';
import { type Html, html } from '../ui/html.ts';
import { section } from '../ui/section.ts';

/** Seconds for what the catalog of the source, or BigQuery, tells. */
const READ_SECONDS = 5;
/** Seconds to count the rows of the view. */
const COUNT_SECONDS = 5;

/** The target of an entry that is not stored yet, and the rows that it would get, as far as source and BigQuery tell them in time. */
export type TargetForecast =
  | Required<Pick<Part<never>, 'error'>>
  | {
      error?: never;
      statement: string;
      /** The message for the rows of a streamed view; otherwise null. */
      proto: string | null;
      rows: Part<ViewRows>;
      /** How a target that is there must change; null if there is none. */
      change: Part<Evolution | null>;
    };

/** Reads what an import of an entry would lead to. Changes nothing. */
export async function forecastTarget(
  entry: ViewSourceEntry,
  dependencies: Dependencies,
): Promise<TargetForecast> {
  const { config, source: pool, warehouse } = dependencies;
  const described = await readPart('the source', READ_SECONDS, async () => {
    const [source] = await sourcesAfter(
      await resolveEntries({ entries: [entry] }, dependencies),
      dependencies,
    );
    if (source === undefined) throw new Error('an entry is no view source');
    return {
      source,
      view: await inSnapshot(pool, (client) => describeView(client, source, config.contentTypeTable)),
    };
  });
  if (described.error !== undefined) return { error: described.error };
  const { source, view } = described.value;
  const [rows, change] = await Promise.all([
    readPart('the source', COUNT_SECONDS + READ_SECONDS, () =>
      inSnapshot(pool, (client) => countViewRows(client, view, COUNT_SECONDS)),
    ),
    readPart('BigQuery', READ_SECONDS, () => warehouse.planTarget(view.shape, source)),
  ]);
  const statement = warehouse.targetSql(view.shape, source);
  return { statement, proto: source.loadType === 'merge' ? null : await protoOf(view.shape), rows, change };
}

/** The library of messages is loaded for streamed views alone. */
async function protoOf(shape: TableShape): Promise<string> {
  const { streamProto } = await import('../../../shared/warehouse/stream-proto.ts');
  return streamProto(shape);
}

/** The rows of the view, what becomes of its target, and the statements, which a reader opens. */
export const targetSection = (forecast: TargetForecast): Html =>
  section(
    'target',
    'Rows and target',
    forecast.error === undefined
      ? html`${rowsNote(forecast.rows)}${changeNote(forecast.change)}
${codeOf('Statement that creates the target', forecast.statement)}
${forecast.proto === null ? '' : codeOf('Message of a row for the Storage Write API (.proto)', forecast.proto)}`
      : missingPart('The rows of the view and its target', forecast.error),
  );

function rowsNote({ value, error }: Part<ViewRows>): Html {
  if (error !== undefined) return missingPart('The number of rows', error);
  const rows = formatNumber(value.rows);
  if (value.isCounted)
    return html`<p>The view has <strong>${rows}</strong> ${value.rows === 1 ? 'row' : 'rows'}.</p>`;
  const why = `It would take more than ${COUNT_SECONDS} s to count the rows of the view.`;
  return value.rows === 0
    ? html`<p>${why} PostgreSQL has no estimate of its main table yet.</p>`
    : html`<p>${why} PostgreSQL estimates that its main table has about <strong>${rows}</strong> rows.</p>`;
}

function changeNote({ value, error }: Part<Evolution | null>): Html {
  if (error !== undefined) return missingPart('What changes in BigQuery', error);
  if (value === null) return html`<p>There is no target yet: the next extract creates it.</p>`;
  const { clustering, differences, newTarget, statements } = value;
  if (differences.length === 0 && clustering === null)
    return html`<p>The target exists, and stays as it is.</p>`;
  return html`<p>The target exists, and differs:</p><ul>${differences.map((each) => html`<li>${each}</li>`)}
${clustering === null ? '' : html`<li>It will be clustered by ${clustering.join(', ')}.</li>`}</ul>
${newTarget.length === 0 ? '' : html`<p>BigQuery cannot change it so: a new table takes its place and its rows.</p>`}
${statements.length === 0 ? '' : codeOf('Statements that change the target', statements.join('\n'))}`;
}

const codeOf = (title: string, text: string): Html =>
  html`<details class="code"><summary>${title}</summary><pre tabindex="0" role="region" aria-label="${title}">${text}</pre></details>`;
