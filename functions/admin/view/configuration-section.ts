import type { Config } from '../../../shared/config/config.ts';
import type { ViewSource } from '../../../shared/model/view-source.ts';
import type { Part } from '../../../shared/operations/read-part.ts';
import type { ViewColumn } from '../../../shared/source/view-columns.ts';
import { missingPart } from '../part.ts';
import { formatBytes, formatNumber, formatSeconds, NONE } from '../ui/format.ts';
import { type Html, html } from '../ui/html.ts';
import { facts, heads, section, table } from '../ui/section.ts';
import { sourceAddress } from '../view-address.ts';

/** The view source, and every column of the view. Operators may edit it. */
export function configurationSection(
  source: ViewSource,
  columns: Part<ViewColumn[]>,
  { config, isOperator }: { config: Pick<Config, 'projectId' | 'datasets'>; isOperator: boolean },
): Html {
  return section(
    'configuration',
    'Configuration',
    html`${facts(settings(source, config), 'lines')}
<h3>Columns</h3>${columns.error === undefined ? columnTable(source, columns.value) : html`${missingPart('The types of the columns', columns.error)}${knownColumns(source)}`}`,
    isOperator ? html`<a href="${sourceAddress(source.name)}">Edit the view source</a>` : '',
  );
}

function settings(
  source: ViewSource,
  { projectId, datasets }: Pick<Config, 'projectId' | 'datasets'>,
): [string, Html | string | null][] {
  const { partition, lookups, foreignKeys, contentTypeNames } = source;
  const model = contentTypeNames[source.contentTypeId];
  const target = new URLSearchParams({
    project: projectId,
    p: projectId,
    d: datasets.target,
    t: source.targetName,
    page: 'table',
  });
  return [
    [
      'Target',
      html`<a href="https://console.cloud.google.com/bigquery?${String(target)}">${datasets.target}.${source.targetName}</a>`,
    ],
    ['Load type', source.loadType],
    ['Main table', html`${source.mainTable}${model === undefined ? '' : ` (${model})`}`],
    ['Key', source.keyColumn],
    ['Partitions', partition === null ? 'none' : `by ${partition.granularity} of ${partition.column}`],
    [
      'Clustering',
      [source.keyColumn, ...source.clusterColumns.filter((name) => name !== source.keyColumn)].join(', '),
    ],
    ['Reporting view', `shows five years by ${source.reportColumn}`],
    [
      'Lookups',
      lookups.length === 0
        ? 'none'
        : lookups.map(({ table: name, column }) => `${name} by ${column}`).join(', '),
    ],
    [
      'Foreign keys',
      foreignKeys.length === 0
        ? null
        : foreignKeys.map(({ column, references }) => `${column} → ${references}`).join(', '),
    ],
    [
      'Tracked columns',
      source.skipUntracked
        ? `skips log rows that list none of: ${source.trackedColumns.join(', ') || 'those that the view uses'}`
        : 'every log row names its key',
    ],
    ['Ignored dependencies', source.ignoredDependencies.join(', ') || null],
    ['When the view is replaced', source.viewChanges === 'resync' ? 'resync' : 'halt'],
    ['When its columns change', source.columnChanges === 'evolve' ? 'its tables follow' : 'halt'],
    [
      'Fetched once more',
      source.recheckSeconds === 0 ? null : `after ${formatSeconds(source.recheckSeconds)}`,
    ],
    [
      'Checks',
      `${source.autoRepair ? 'repair by themselves' : 'only look, unless asked'}; at most ${percent(source.maxRepairedShare)} of the rows; ${source.maxCheckBytes === null ? 'no limit of bytes' : `at most ${formatBytes(source.maxCheckBytes)} a query`}`,
    ],
    ['A resync may delete', `${percent(source.maxDeletedShare)} of the rows`],
  ];
}

const percent = (share: number): string => `${formatNumber(Math.round(share * 1000) / 10)} %`;

const HEAD = heads(
  'Column',
  'Source type',
  'Target type',
  'A value that BigQuery cannot hold',
  'Instead of NULL',
  'Policy tag',
);

const columnTable = (source: ViewSource, columns: readonly ViewColumn[]): Html =>
  table(
    'Columns',
    HEAD,
    columns.map(
      ({ name, sourceType, target }) =>
        html`<tr><th scope="row">${name}${name === source.keyColumn ? html`<span class="note">key</span>` : ''}</th><td>${sourceType}</td>
<td>${targetType(target)}</td><td>${target === null ? NONE : policy(target)}</td>${configured(source, name)}</tr>`,
    ),
  );

/** What the control database knows of the columns. */
const knownColumns = (source: ViewSource): Html | '' =>
  source.knownColumns.length === 0
    ? ''
    : table(
        'Columns',
        HEAD,
        source.knownColumns.map(
          (name) =>
            html`<tr><th scope="row">${name}${name === source.keyColumn ? html`<span class="note">key</span>` : ''}</th><td>${NONE}</td>
<td>${NONE}</td><td>${own(source.unrepresentable, name) ?? NONE}</td>${configured(source, name)}</tr>`,
        ),
      );

function configured(source: ViewSource, name: string): Html {
  const fallback = own(source.nullDefaults, name);
  const tag = own(source.policyTags, name);
  return html`<td>${fallback === undefined ? NONE : html`<code>${JSON.stringify(fallback)}</code>`}</td><td>${tag === undefined ? NONE : html`<code title="${tag}">${tag.split('/').at(-1)}</code>`}</td>`;
}

/** A column may have the name of a property that every object inherits. */
const own = <T>(byColumn: Record<string, T>, name: string): T | undefined =>
  Object.hasOwn(byColumn, name) ? byColumn[name] : undefined;

function targetType(target: ViewColumn['target']): Html | string {
  if (target === null) return html`<span class="none">omitted</span>`;
  if (target.mode === 'REPEATED') return `ARRAY<${target.type}>`;
  return target.mode === 'REQUIRED' ? `${target.type} NOT NULL` : target.type;
}

const POLICIES = { stop: 'stops the batch', null: 'becomes NULL', string: 'the column is a STRING' } as const;

function policy({ unrepresentable, nullArray }: NonNullable<ViewColumn['target']>): string {
  const parts = [
    ...(unrepresentable === null ? [] : [POLICIES[unrepresentable.policy]]),
    ...(nullArray === null
      ? []
      : [nullArray.policy === 'stop' ? 'NULL stops the batch' : 'NULL becomes empty']),
  ];
  return parts.length === 0 ? 'there is none' : parts.join('; ');
}
